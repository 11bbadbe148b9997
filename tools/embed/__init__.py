"""Texts as vectors: a small model on this machine, or hashed words where it is not installed."""
