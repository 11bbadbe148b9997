"""A made-up market in which packages are rolled out: `python -m tests.rollout` shows it."""
