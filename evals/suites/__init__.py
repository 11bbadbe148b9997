"""The suites: each turns its subject into traces, and traces into figures, marks and gates."""
