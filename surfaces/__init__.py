"""Doors: no rules of their own."""
