"""Recall: how long it takes for leads of different sizes in a store of many vectors. Random vectors stand for texts."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from benchmarks.timing import percentile
from domain.ids import LeadId, Region, TenantId
from domain.instants import Instant, moment
from domain.kinds import Kind
from domain.lead import LeadState
from domain.memory import Case
from domain.ports.embedder import Vector
from domain.signal import KeyKind, LeadKey, Signal
from tools.clock import SystemClock
from tools.memory.chroma import Chroma
from tools.memory.memory import Patience, VectorMemory
from tools.memory.vectors import Shelf

STORED: Final = 100_000
CASES: Final = 10_000
SIZES: Final = (10, 1_000, 10_000)
KNOWN: Final = 1_000
"""Of a lead with more texts the newest are looked at, as `MemoryBook.known` gives them."""
BATCH: Final = 2_000
TRIES: Final = 20
SHELF: Final = Shelf(TenantId("bench"), Region("eu"))
AT: Final = Instant(1_772_000_000_000_000)


class RandomVectors:
    """An `Embedder` whose vectors mean nothing."""

    name, width, stand_in = "random", 384, True

    def __init__(self) -> None:
        """The same vectors every time."""
        self._draw = np.random.default_rng(1)

    def rows(self, number: int) -> "np.typing.NDArray[np.float32]":
        """`number` unit vectors."""
        rows = self._draw.standard_normal((number, self.width)).astype(np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """See `Embedder`."""
        return [tuple(row.tolist()) for row in self.rows(len(texts))]


@dataclass
class AllClosed:
    """`Cases` of which each text is of a lead of its own."""

    async def enough(self, tenant: TenantId, region: Region, *, before: int, floor: int) -> bool:  # noqa: ARG002 - as the port says
        """There are."""
        return True

    async def cases(
        self,
        tenant: TenantId,  # noqa: ARG002 - as the port says
        region: Region,  # noqa: ARG002 - as the port says
        refs: Sequence[str],
        *,
        before: int,  # noqa: ARG002 - as the port says
    ) -> Sequence[Case]:
        """All of them."""
        return [Case(ref, LeadId(ref), None, won=True, intent="") for ref in refs]


def measure(stored: int = STORED) -> dict[str, Any]:
    """Milliseconds of one recall, own texts and cases together, by size of the lead: on the wall and of processor."""
    with TemporaryDirectory(prefix="leadgraph-bench-") as folder:
        vectors, reader = Chroma(Path(folder), embedder="random", width=384), RandomVectors()
        memory = VectorMemory(
            vectors, AllClosed(), reader, SystemClock(), patience=Patience(recall_s=60.0, open_s=60.0)
        )
        for start in range(0, stored, BATCH):
            refs = [f"s:{n}" for n in range(start, start + BATCH)]
            vectors.put(SHELF, refs, reader.rows(BATCH))
            if start < CASES:
                vectors.put_cases(SHELF, refs)
        found = asyncio.run(_by_size(memory, stored))
        memory.close()
    return {"stored": stored, "recall_ms": found}


async def _by_size(memory: VectorMemory, stored: int) -> dict[str, dict[str, float]]:
    lead = LeadState(LeadId("ld_bench"), *SHELF)
    numbers = count()
    found = {}
    for size in SIZES:
        known = [f"s:{n}" for n in range(stored - min(size, KNOWN, stored), stored)]
        await memory.recall(lead, [_said(next(numbers))], known=known, before=AT)
        wall, worked = [], []
        for one in _texts(numbers):
            started, before = time.perf_counter(), time.process_time()
            recall = await memory.recall(lead, [one], known=known, before=AT)
            wall.append((time.perf_counter() - started) * 1_000)
            worked.append((time.process_time() - before) * 1_000)
            if recall.degraded is not None:
                raise RuntimeError(f"recall gave {recall.degraded}")
        found[str(size)] = {
            "median": round(percentile(wall, 0.5), 1),
            "p90": round(percentile(wall, 0.9), 1),
            "cpu": round(percentile(worked, 0.5), 1),
        }
    return found


def _texts(numbers: Iterator[int]) -> list[Signal]:
    return [_said(next(numbers)) for _ in range(TRIES)]


def _said(number: int) -> Signal:
    return Signal(
        tenant=SHELF.tenant,
        region=SHELF.region,
        source="bench",
        id=f"new{number}",
        kind=Kind.MESSAGE,
        keys=(LeadKey(KeyKind.CRM_ID, "bench"),),
        occurred_at=moment(AT),
        received_at=moment(AT),
        known_at=moment(AT),
        payload={"role": "customer", "text": f"text {number}"},
    )
