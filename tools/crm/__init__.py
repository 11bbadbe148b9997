"""Targets: where effects go, one connector per file or folder. They know nothing of each other."""
