"""Programmes at vendors, and their lists in memory."""
