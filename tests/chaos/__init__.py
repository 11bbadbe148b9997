"""Chaos: histories made of a seed, with faults, kills and races, judged by what must always hold (docs/chaos.md)."""
