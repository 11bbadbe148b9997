"""Our own record of what memory was given, kept in step with signals, outcomes and wishes to be forgotten."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from domain.ids import AccountId, LeadId, Region, TenantId
from domain.memory import Case, Upkeep
from domain.signal import Signal
from tools.store.codec import signal_from
from tools.store.components import as_json
from tools.store.engine import Database, Tx

_MARKS: Final = ("~", "^")
"""What begins a tag that is not the local reader's intent."""

Outcome = tuple[int, bool, int]
"""(Instant at which it occurred, won, Instant from which it was known)."""


class SqlMemoryBook:
    """Satisfies `domain.ports.memory.MemoryBook`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(
        self, tenant: TenantId, lead_id: LeadId, *, before: int, limit: int = 1_000
    ) -> Sequence[str]:
        """Refs of the lead's texts in memory, newest first."""
        rows = await self._rows("texts_known", tenant=tenant, lead=lead_id, before=before, limit=limit)
        return [row.ref for row in rows]

    async def enough(self, tenant: TenantId, region: Region, *, before: int, floor: int) -> bool:
        """Whether there are `floor` texts of cases."""
        rows = await self._rows("cases_before", tenant=tenant, region=region, before=before, floor=floor)
        return len(rows) >= floor

    async def cases(
        self, tenant: TenantId, region: Region, refs: Sequence[str], *, before: int
    ) -> Sequence[Case]:
        """Those of `refs` that are texts of cases."""
        asked = {"tenant": tenant, "region": region, "before": before, "refs": as_json(refs)}
        rows = await self._rows("cases_of_refs", **asked)
        return [_case(row) for row in rows]

    async def texts(self, tenant: TenantId, lead_id: LeadId, refs: Sequence[str]) -> Sequence[Signal]:
        """The signals behind `refs`, as far as they are this lead's."""
        rows = await self._rows("texts_of_refs", tenant=tenant, lead=lead_id, refs=as_json(refs))
        return [signal_from(row.body) for row in rows]

    async def places(self) -> Sequence[tuple[TenantId, Region]]:
        """Where leads are out of step."""
        return [(TenantId(row.tenant), Region(row.region)) for row in await self._rows("memory_places")]

    async def upkeep(self, tenant: TenantId, region: Region, *, leads: int, texts: int) -> Upkeep:
        """What is to be done; what will be given is on record first, so that it can be forgotten whatever happens."""
        return await self._database.write(lambda tx: _Turn(tx, tenant, region, texts).plan(leads))

    async def settle(self, done: Upkeep) -> None:
        """What was asked for was done."""
        await self._database.write(lambda tx: _settle(tx, done))

    async def open_book(self, tenant: TenantId, region: Region, book: str) -> bool:
        """Begin the record anew if the book is another than before."""
        return await self._database.write(lambda tx: _open_book(tx, tenant, region, book))

    async def tally(self, tenant: TenantId, region: Region) -> Mapping[str, int]:
        """Counts."""
        (row,) = await self._rows("memory_tally", tenant=tenant, region=region)
        return dict(row._asdict())

    async def _rows(self, name: str, **values: object) -> list[Any]:
        return await self._database.read(lambda tx: tx.rows(name, values))


@dataclass(slots=True)
class _Turn:
    """Gathers one turn's work over leads that are out of step."""

    tx: Tx
    tenant: TenantId
    region: Region
    left: int
    """Texts that may still be taken."""
    keep: list[Signal] = field(default_factory=list)
    outcomes: list[tuple[str, bool, int]] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)

    def plan(self, leads: int) -> Upkeep:
        here = {"tenant": self.tenant, "region": self.region}
        done: list[tuple[LeadId, int]] = []
        whole = True
        for row in self.tx.rows("memory_due", {**here, "limit": leads}):
            whole = self._lead(row.lead_id)
            if not whole:
                break
            done.append((LeadId(row.lead_id), row.mark))
        return Upkeep(
            self.tenant,
            self.region,
            tuple(done),
            tuple(self.keep),
            tuple(self.outcomes),
            tuple(self.drop),
            whole,
        )

    def _lead(self, lead: str) -> bool:
        """Gather one lead's; False if it has more to keep than is left of this turn."""
        here = {"lead": lead, "tenant": self.tenant}
        self.drop += [row.ref for row in self.tx.rows("texts_to_drop", here)]
        outcomes = standing(self.tx.rows("outcomes_of_lead", here))
        for row in self.tx.rows("texts_kept", here):
            self._close(row.ref, row.occurred, outcomes, was=(row.won, row.outcome_at))
        found = self.tx.rows("texts_to_keep", {**here, "limit": self.left + 1})
        for row in found[: self.left]:
            signal = signal_from(row.body)
            spoken = signal.own_words and bool(signal.text)
            self._give(row.ref, "given" if spoken else "none")
            if spoken:
                self.keep.append(signal)
                self._close(row.ref, row.occurred, outcomes, was=(None, None))
        whole = len(found) <= self.left
        self.left = max(0, self.left - len(found))
        return whole

    def _close(
        self, ref: str, at: int, outcomes: Sequence[Outcome], *, was: tuple[int | None, int | None]
    ) -> None:
        """How the talk that `ref` belongs to ended, if that has changed. What no longer holds is taken back at once."""
        place = bisect_left(outcomes, (at,))
        ended = outcomes[place] if place < len(outcomes) else None
        if ended is None:
            if was[1] is not None:
                self._run("close_text", ref=ref, won=None, at=None)
        elif (int(ended[1]), ended[2]) != was:
            self.outcomes.append((ref, ended[1], ended[2]))

    def _give(self, ref: str, state: str) -> None:
        self._run("give_text", region=self.region, ref=ref, state=state)

    def _run(self, name: str, **values: object) -> None:
        self.tx.run(name, {"tenant": self.tenant, **values})


def standing(rows: Sequence[Any]) -> list[Outcome]:
    """Outcomes that nothing took back, oldest first. `rows` (occurred, known, ref, body) by time."""
    found: list[Outcome] = []
    for row in rows:
        result = signal_from(row.body).payload.get("result")
        if result != "reverted":
            found.append((row.occurred, result == "won", row.known))
        elif found:
            found.pop()
    return found


def _settle(tx: Tx, done: Upkeep) -> None:
    tenant = done.tenant
    tx.run("keep_text", [{"tenant": tenant, "ref": signal.signal_id} for signal in done.keep])
    tx.run(
        "close_text",
        [{"tenant": tenant, "ref": ref, "won": int(won), "at": at} for ref, won, at in done.outcomes],
    )
    tx.run("drop_text", [{"tenant": tenant, "ref": ref} for ref in done.drop])
    tx.run("memory_done", [{"tenant": tenant, "lead": lead, "mark": mark} for lead, mark in done.leads])


def _open_book(tx: Tx, tenant: str, region: str, book: str) -> bool:
    here = {"tenant": tenant, "region": region}
    row = tx.one("memory_book", here)
    if row is not None and row.book == book:
        return False
    tx.run("forget_book", here)
    tx.run("keep_book", {**here, "book": book})
    tx.run("mark_all_spoken", here)
    return True


def _case(row: Any) -> Case:
    account = None if row.account is None else AccountId(row.account)
    return Case(row.ref, LeadId(row.lead_id), account, bool(row.won), _intent(row.tags))


def _intent(tags: str) -> str:
    """The strongest of ``intent:per mille`` codes."""
    read = [tag.rpartition(":") for tag in tags.split() if not tag.startswith(_MARKS)]
    return max(((int(n), name) for name, _, n in read if n.isdigit()), default=(0, ""))[1]
