"""The first opening after a restore: what must be so before anybody works on the home."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from domain.audit import AuditEntry, AuditValue
from domain.ids import TenantId
from domain.ports.home import Home
from domain.verification import RESTORED, RESTORED_STEP, Findings
from tools.audit import anchor as anchors
from tools.audit.roots import Root
from tools.audit.signed import SignedAuditLog
from tools.backup.mark import read_mark, write_mark
from tools.privacy.erased import ErasureList

AT_ONCE: Final = 500
"""Deletions in one transaction."""


async def finish_restore(home: Home, erased: Path, *, fresh: bool = False) -> bool:
    """Apply the deletions on the list, say in the log what was cut off, anchor it; False if nothing was left to do.

    It may be cut short anywhere: done again it changes nothing that was done. A `fresh` home only gets its list.
    Raises: ConfigError for a damaged list or mark; Temporary (disk full): the next opening goes on.
    """
    if fresh:
        ErasureList(erased).make()
    mark = read_mark(home.root)
    if mark is None or mark.finished:
        return False
    deletions = [one for one in ErasureList(erased).signals() if one.tenant == home.tenant]
    now = home.clock.now()
    for start in range(0, len(deletions), AT_ONCE):
        await home.inbox.accept(deletions[start : start + AT_ONCE], now=now)
    log = home.audit
    if not isinstance(log, SignedAuditLog):
        raise TypeError("this home's audit log has no signing key")
    detail: dict[str, AuditValue] = {
        "backup": mark.backup,
        "taken_at": mark.taken_at,
        "erased": len(deletions),
    }
    ends = await _ends(log, home.tenant, mark.restored.suffix)
    await log.append([_entry(home, now, {**detail, "writer": w, "rows": n}) for w, n in ends.items()])
    await log.sign_roots(now=now)
    write_mark(home.root, replace(mark, finished=True))
    return True


async def _ends(log: SignedAuditLog, tenant: TenantId, own: str) -> Mapping[str, int]:
    """Writer -> last row of every older chain: of those in the store, and of those that only the anchor remembers."""
    ends = {root.writer: 0 for root in _anchored(log.anchor) if root.tenant == tenant}
    ends |= {head.writer: head.seq for head in await log.heads(tenant)}
    return {writer: rows for writer, rows in sorted(ends.items()) if not writer.endswith(own)}


def _anchored(file: Path) -> list[Root]:
    return anchors.roots_in(file, Findings()) if file.exists() else []


def _entry(home: Home, now: int, detail: Mapping[str, AuditValue]) -> AuditEntry:
    return AuditEntry(
        tenant=home.tenant, region=home.region, step=RESTORED_STEP, code=RESTORED, at=now, detail=detail
    )
