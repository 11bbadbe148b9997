"""The API and the webhooks against their own description, by Schemathesis: ``python -m tests.fuzz --examples 200``."""
