"""What the files of both sides say of a home on which several processes worked, once all is drained."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from app import Toolbox
from domain.instants import instant
from domain.ports.home import Home
from surfaces.cli.worker import worked_off
from surfaces.dispatcher import Dispatcher
from surfaces.receipts import Compared, compared
from surfaces.worker import Worker, deps_of
from tests.crash.acting import approve_all
from tests.crash.hot import START
from tests.crash.place import Place
from tests.crash.points import TRANSITIONS, asked, broken

AS_OF: Final = instant(START + timedelta(days=1))
TERMINAL: Final = {"applied", "superseded"}
ENDED: Final = {"done", "expired", "compensated"}
SENT: Final = {"sending", "done", "undoing", "compensated", "unknown", "failed"}


@dataclass(frozen=True)
class Found:
    """What both files hold, and what the program itself says of them."""

    signals: Mapping[str, str]
    """Ref -> state."""
    outbox: list[sqlite3.Row]
    approvals: Mapping[str, sqlite3.Row]
    voters: Mapping[str, int]
    """Approval -> how many people said yes."""
    merged: frozenset[str]
    """Leads that took part in a merge."""
    decisions: Mapping[str, str]
    """Decision -> its run."""
    audit: list[dict[str, Any]]
    ledger: list[sqlite3.Row]
    """Of the CRM, in its order."""
    open_tasks: Mapping[str, int]
    """Lead -> open tasks on its record."""
    both: Compared
    verified: bool
    scores: list[dict[str, Any]] = field(repr=False)

    def chains(self) -> Counter[str]:
        """Writer -> audit rows."""
        return Counter(row["writer"] for row in self.audit)


def drained(place: Place) -> Found:
    """Work off what is left, alone, and look."""
    with place.alone() as home:
        asyncio.run(_drain(home))
        both = asyncio.run(compared(home, Toolbox().crm_ledger(home)))
        verified = asyncio.run(Toolbox().audit_verify(home, anchor=None, key=None, until=None))
        scores = [_score(record) for record in asyncio.run(asked(home, AS_OF))]
    return Found(
        **_store(place.home / "leadgraph.db"),
        **_crm(place.home / "crm.db"),
        both=both,
        verified=verified.ok,
        scores=scores,
    )


def broken_promises(found: Found, acked: Collection[str], scores: list[dict[str, Any]]) -> list[str]:
    """What does not hold of `found`; `acked` were acknowledged, `scores` are those of an undisturbed run."""
    states = {found.signals.get(ref, "missing") for ref in acked}
    per_lead = {lead: n for lead, n in found.open_tasks.items() if lead not in found.merged}
    return broken(
        {
            "an acknowledged signal is not on disk (I1)": "missing" not in states,
            "an acknowledged signal came to no end (I1)": states <= TERMINAL,
            "an action came to no end (I1)": {row["state"] for row in found.outbox} <= ENDED,
            "the CRM has a key twice (I2)": found.both.doubled == (),
            "the two sides do not agree (I2)": found.both.equal,
            "an effect was sent under two keys (I2)": max(_keys(found).values(), default=0) <= 1,
            "a lead has two open tasks (I2)": max(per_lead.values(), default=0) <= 1,
            "an effect left before its rows (I3)": not list(_unrecorded(found)),
            "the audit log does not verify (I3)": found.verified,
            "the disturbance changed a score or a feature (I4)": found.scores == scores,
            "something was sent that people had not released (I5)": not list(_unreleased(found)),
        }
    )


def _keys(found: Found) -> Counter[str]:
    """Effect and step -> under how many keys it was sent; a score is written again and again."""
    keys = {row["key"].removesuffix("/undo") for row in found.ledger}
    once = [key.split("/") for key in keys if "/upsert_score/" not in key]
    return Counter(f"{'/'.join(parts[:-2])}/{parts[-1]}" for parts in once)


def _unrecorded(found: Found) -> Iterator[str]:
    """Keys in the CRM's ledger without the rows of their run and of their attempt, or with later ones."""
    first: dict[tuple[str, str], int] = {}
    for row in found.audit:
        of = row["detail"].get("action") if row["code"] == "attempt" else row["run_id"]
        place = (str(of), "attempt" if row["code"] == "attempt" else row["step"])
        first[place] = min(first.get(place, row["at"]), row["at"])
    runs = {
        step["key"]: (row["action_id"], found.decisions[row["decision_id"]])
        for row in found.outbox
        for step in json.loads((row["steps"] or "[]").split("\n")[0])  # a checksum follows
    }
    for line in found.ledger:
        action, run = runs.get(line["key"].removesuffix("/undo"), ("", ""))
        needed = [(action, "attempt"), *((run, step) for step in TRANSITIONS)]
        if not all(first.get(place, line["at"] + 1) <= line["at"] for place in needed):
            yield line["key"]


def _unreleased(found: Found) -> Iterator[str]:
    for row in found.outbox:
        approval = found.approvals.get(row["approval_id"] or "")
        if approval is None or row["state"] not in SENT:
            continue
        enough = found.voters.get(row["approval_id"], 0) >= approval["people"]
        if approval["state"] != "approved" or not enough:
            yield row["action_id"]


def _score(record: dict[str, Any]) -> dict[str, Any]:
    """Without the verdict: who gets a salesperson's last free place depends on who comes first."""
    return {name: value for name, value in record.items() if name != "verdict"}


async def _drain(home: Home) -> None:
    worker, dispatcher = Worker(home, deps_of(home)), Dispatcher(home, home.targets)
    for _ in range(3):
        await worked_off(worker, dispatcher)
        await approve_all(home)
    await worked_off(worker, dispatcher)


def _store(file: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as conn:
        conn.row_factory = sqlite3.Row
        merged = conn.execute("SELECT winner, loser FROM merge").fetchall()
        votes = (
            "SELECT approval_id, count(DISTINCT voter) FROM vote WHERE kind = 'approve' GROUP BY approval_id"
        )
        bodies = conn.execute("SELECT writer, body FROM audit ORDER BY writer, seq").fetchall()
        return {
            "signals": dict(map(tuple, conn.execute("SELECT ref, state FROM signal"))),
            "outbox": conn.execute("SELECT * FROM outbox").fetchall(),
            "approvals": {row["approval_id"]: row for row in conn.execute("SELECT * FROM approval")},
            "voters": dict(map(tuple, conn.execute(votes))),
            "merged": frozenset(lead for row in merged for lead in row),
            "decisions": dict(map(tuple, conn.execute("SELECT decision_id, run_id FROM decision"))),
            "audit": [{**json.loads(row["body"]), "writer": row["writer"]} for row in bodies],
        }


def _crm(file: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as conn:
        conn.row_factory = sqlite3.Row
        tasks = (
            "SELECT r.lead_id, count(*) FROM item i JOIN record r ON r.id = i.record"
            " WHERE i.what = 'task' AND i.open GROUP BY r.id"
        )
        return {
            "ledger": conn.execute("SELECT * FROM ledger ORDER BY seq").fetchall(),
            "open_tasks": dict(map(tuple, conn.execute(tasks))),
        }
