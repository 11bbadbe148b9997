"""Bugs on purpose, as patches: each names the promise it breaks and the test that must notice."""
