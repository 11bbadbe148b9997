"""Vendors that all send at once, to a real server that is stopped and killed meanwhile."""
