"""Marking accounts for a refresh."""

from collections.abc import Iterable

from tools.store.config import ACCOUNT_DELAY
from tools.store.engine import Tx


def mark(tx: Tx, tenant: str, region: str, accounts: Iterable[str | None], now: int) -> None:
    """Something about these accounts changed: their snapshots fall due, unless they are due already."""
    rows = [
        {"tenant": tenant, "region": region, "account": name, "due_at": now + ACCOUNT_DELAY, "now": now}
        for name in sorted({name for name in accounts if name is not None})
    ]
    tx.run("mark_account", rows)
