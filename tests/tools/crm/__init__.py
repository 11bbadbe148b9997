"""Targets under test, and the in-memory twin that other tests use."""
