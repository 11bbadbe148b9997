"""Prompts as Markdown files with a fingerprint, and their loader."""
