"""Desk connectors."""
