"""Every contact with the outside world, one vendor or engine per file."""
