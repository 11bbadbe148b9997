"""Memory: texts as vectors in a store of vectors, recalled within a deadline, and never believed.

What the store of vectors answers is only an order over refs that our own record knows: a ref that was not asked for, or
that the record does not hold for a case, counts for nothing.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from domain.errors import LeadgraphError, Temporary
from domain.ids import Region, TenantId
from domain.lead import LeadState
from domain.memory import Analogues, Case, Recall, Recalled
from domain.ports.clock import Clock
from domain.ports.embedder import Embedder
from domain.ports.memory import Cases
from domain.signal import Signal
from tools.breaker import Breaker
from tools.memory.vectors import Elsewhere, Found, Matrix, OtherEmbedder, Shelf, Vectors

T = TypeVar("T")
FLOOR: Final = 5
"""Cases below which nothing is said of how they ended."""
MOST_CASES: Final = 25
MOST_REFS: Final = 8
MOST_ASKED: Final = 4
"""Of the new texts the last ones are looked for."""
ALIKE: Final = 350
"""Per mille from which an earlier text bears on a new one."""
CASE_ALIKE: Final = 400
"""Per mille from which a case is like this one."""
NEAR: Final = 100
"""Texts of cases looked at for each new text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds: `recall_s` for an answer, `open_s` for the first one of a process, which loads the engine."""

    recall_s: float = 0.3
    open_s: float = 20.0


class VectorMemory:
    """Satisfies `domain.ports.memory.Memory`. Calls of `vectors` are made one at a time, in a thread of their own."""

    def __init__(
        self,
        vectors: Vectors,
        record: Cases,
        embedder: Embedder,
        clock: Clock,
        *,
        patience: Patience | None = None,
    ) -> None:
        """Nothing is opened or loaded yet."""
        self.name = embedder.name
        self._vectors, self._record, self._embedder, self._clock = vectors, record, embedder, clock
        self._patience = patience or Patience()
        self._breaker = Breaker(failures=3)
        self._thread = ThreadPoolExecutor(1, "memory")  # started with the first call
        self._late: Future[object] | None = None
        """A call that has outlived its deadline: nothing is asked while it lasts."""
        self._opened: set[Shelf] = set()

    async def recall(
        self, lead: LeadState, new: Sequence[Signal], *, known: Sequence[str], before: int
    ) -> Recall:
        """See `Memory`. Asks for nothing where there is nothing to recall, so that nothing is loaded then."""
        shelf = Shelf(lead.tenant, lead.region)
        texts = [signal.text for signal in new if signal.own_words and signal.text][-MOST_ASKED:]
        compare = bool(texts) and await self._record.enough(*shelf, before=before, floor=FLOOR)
        if not texts or not (known or compare):
            return Recall()
        now = self._clock.now()
        if self._breaker.left(now):
            return Recall(degraded="memory_down")
        ticket = self._breaker.enter(now)
        try:
            recall = await self._recalled(shelf, lead, texts, known=known, compare=compare, before=before)
            self._breaker.answered(ticket)
            return recall
        except LeadgraphError as error:
            self._opened.discard(shelf)
            self._breaker.failed(ticket, now)
            return Recall(degraded=_code(error))
        finally:
            self._breaker.gave_up(ticket)

    async def _recalled(
        self,
        shelf: Shelf,
        lead: LeadState,
        texts: Sequence[str],
        *,
        known: Sequence[str],
        compare: bool,
        before: int,
    ) -> Recall:
        asked = await self._matrix(texts)
        if shelf not in self._opened:
            await self._call(lambda: self._vectors.book(shelf), self._patience.open_s)
            self._opened.add(shelf)

        def look() -> tuple[Found | None, Sequence[tuple[str, float]]]:
            own = self._vectors.fetch(shelf, known) if known else None
            return own, self._vectors.nearest(shelf, asked, NEAR) if compare else ()

        found, near = await self._call(look, self._patience.recall_s)
        refs, dropped = ranked(found, asked, set(known)) if found is not None else ((), 0)
        behind = found is not None and len(found.refs) < len(known)
        analogues = await self._analogues(shelf, lead, near, before) if compare else None
        return Recall(refs, analogues, "memory_behind" if behind else None, dropped)

    async def _analogues(
        self, shelf: Shelf, lead: LeadState, near: Sequence[tuple[str, float]], before: int
    ) -> Analogues | None:
        likeness: dict[str, int] = {}
        for ref, cosine in near:
            alike = _per_mille(cosine)
            if alike >= CASE_ALIKE:
                likeness[ref] = max(alike, likeness.get(ref, 0))
        found = await self._record.cases(*shelf, list(likeness), before=before)
        others = [case for case in found if case.lead_id != lead.lead_id and not _colleagues(case, lead)]
        return summed(sorted(others, key=lambda case: (-likeness[case.ref], case.ref)))

    async def remember(
        self, tenant: TenantId, region: Region, signals: Sequence[Signal], *, cases: Collection[str] = ()
    ) -> None:
        """See `Memory`."""
        shelf = Shelf(tenant, region)
        spoken = {signal.signal_id: signal.text for signal in signals if signal.own_words and signal.text}
        rows = await self._matrix(list(spoken.values())) if spoken else None

        def keep() -> None:
            if rows is not None:
                self._vectors.put(shelf, list(spoken), rows)
            if cases:
                self._vectors.put_cases(shelf, sorted(cases))

        await self._call(keep, self._patience.open_s)

    async def forget(self, tenant: TenantId, region: Region, refs: Sequence[str]) -> None:
        """See `Memory`."""
        if refs:
            await self._call(lambda: self._vectors.drop(Shelf(tenant, region), refs), self._patience.open_s)

    async def book(self, tenant: TenantId, region: Region) -> str:
        """See `Memory`."""
        return await self._call(lambda: self._vectors.book(Shelf(tenant, region)), self._patience.open_s)

    async def clear(self, tenant: TenantId, region: Region) -> None:
        """See `Memory`."""
        self._opened.clear()
        await self._call(lambda: self._vectors.clear(Shelf(tenant, region)), self._patience.open_s)

    async def count(self, tenant: TenantId, region: Region) -> int:
        """See `Memory`."""
        return await self._call(lambda: self._vectors.count(Shelf(tenant, region)), self._patience.open_s)

    def close(self) -> None:
        """Finish what is under way and let go of the store of vectors."""
        self._thread.submit(self._vectors.close)
        self._thread.shutdown()

    async def _call(self, call: Callable[[], T], within_s: float) -> T:
        """`call` in memory's thread. Raises: Temporary, also if it takes longer than `within_s`."""
        if self._late is not None and not self._late.done():
            raise _Slow("memory: an earlier call has not come back")
        future = self._thread.submit(call)
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.shield(asyncio.wrap_future(future))
        except TimeoutError:
            self._late = future  # type: ignore[assignment]  # only asked whether it is done
            raise _Slow(f"memory: no answer within {within_s} s") from None

    async def _matrix(self, texts: Sequence[str]) -> Matrix:
        """Raises: Temporary, Permanent if the embedder cannot be used."""
        import numpy as np

        return np.asarray(await self._embedder.embed(texts), np.float32)


class _Slow(Temporary):
    """No answer in time."""


def ranked(found: Found, asked: Matrix, known: set[str]) -> tuple[tuple[Recalled, ...], int]:
    """The best of what was found, most alike first, and how many answers were thrown away.

    Thrown away are refs that are not in `known`, and all if the rows are no vectors of the width asked for.
    """
    import numpy as np

    refs, rows = list(found.refs), found.rows
    if rows.shape != (len(refs), asked.shape[1]):
        return (), len(refs)
    sound = {place for place, row in enumerate(rows) if np.isfinite(row).all()}
    good = [place for place, ref in enumerate(refs) if ref in known and place in sound]
    best = (rows[good] @ asked.T).max(axis=1, initial=0.0) if good else ()
    alike = [(_per_mille(float(cosine)), refs[place]) for place, cosine in zip(good, best, strict=True)]
    near = sorted((pair for pair in alike if pair[0] >= ALIKE), key=lambda pair: (-pair[0], pair[1]))
    return tuple(Recalled(ref, likeness) for likeness, ref in near[:MOST_REFS]), len(refs) - len(good)


def summed(cases: Iterable[Case]) -> Analogues | None:
    """Counts over the first `MOST_CASES` leads, each with the first of its texts; None below `FLOOR`."""
    leads: dict[str, Case] = {}
    for case in cases:
        leads.setdefault(case.lead_id, case)
    taken = list(leads.values())[:MOST_CASES]
    if len(taken) < FLOOR:
        return None
    intents = Counter(case.intent for case in taken if case.intent)
    ranked_intents = tuple(sorted(intents.items(), key=lambda pair: (-pair[1], pair[0])))
    return Analogues(len(taken), sum(case.won for case in taken), ranked_intents)


def _colleagues(case: Case, lead: LeadState) -> bool:
    return lead.account is not None and case.account == lead.account


def _per_mille(cosine: float) -> int:
    """0 for anything that is no number."""
    return round(1_000 * min(1.0, max(0.0, cosine))) if math.isfinite(cosine) else 0


def _code(error: LeadgraphError) -> str:
    codes = {_Slow: "memory_slow", OtherEmbedder: "memory_other_embedder", Elsewhere: "memory_elsewhere"}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), "memory_down")
