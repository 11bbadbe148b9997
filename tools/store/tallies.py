"""Counters that no row could tell: items given, duplicates, runs; and how many signals wait, to be known at once."""

from collections.abc import Mapping

from tools.store.engine import Tx

Tally = tuple[str, str, str]
"""(tenant, region, name)."""


def add_tally(tx: Tx, changes: Mapping[Tally, int]) -> None:
    """Change counters."""
    rows = [
        {"tenant": tenant, "region": region, "name": name, "n": n}
        for (tenant, region, name), n in changes.items()
        if n
    ]
    tx.run("add_tally", rows)
