"""Ports: what the inside needs of the outside, one file per port, each the narrowest promise its caller needs."""
