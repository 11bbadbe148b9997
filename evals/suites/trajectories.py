"""The ways that real runs took, read from the audit log: one trace per run, with what was delivered of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from domain.ports.home import Home
from domain.ports.reads import Row
from evals.cases import Case, Step, Trace

SUITE: Final = "trajectories"
_APPROVAL: Final = "approval"
_ASKED: Final = "route:ask"


async def trajectories(home: Home, name: str, most: int) -> tuple[Trace, ...]:
    """The newest `most` runs of the log, each with its agents' rows, its record, and its deliveries in chain order."""
    rows = await home.reads.audit_rows(home.tenant)
    return tuple(traces_of(rows, name))[-most:]


def traces_of(rows: Iterable[Row], name: str) -> Iterator[Trace]:
    """Rows of a log, in chain order, as one trace per run.

    Rows of an approval name a lead, not a run: they go to the newest run of that lead that asked.
    """
    runs: dict[str, list[Row]] = {}
    asking: dict[object, str] = {}
    for row in rows:
        run, lead = row.get("run_id"), row.get("lead_id")
        if isinstance(run, str):
            runs.setdefault(run, []).append(row)
            if row.get("code") == _ASKED:
                asking[lead] = run
        elif row.get("step") == _APPROVAL and lead in asking:
            runs[asking[lead]].append(row)
    for run, found in runs.items():
        first = found[0]
        seconds = sum(int(str(row.get("duration_us") or 0)) for row in found) / 1e6
        case = Case(
            id=run, suite=SUITE, dataset=name, account=str(first.get("lead_id")), at=int(str(first["at"])),
            slices={"region": str(first.get("region"))},
        )  # fmt: skip
        yield Trace(case=case, output={"rows": len(found)}, steps=tuple(map(_step, found)), seconds=seconds)


def _step(row: Row) -> Step:
    evidence, detail = row.get("evidence") or (), row.get("detail") or {}
    return Step(
        step=str(row["step"]),
        code=str(row["code"]),
        evidence=tuple(map(str, evidence)) if isinstance(evidence, list | tuple) else (),
        detail=_plain(detail),
    )


def _plain(detail: object) -> Mapping[str, Any]:
    return {str(name): value for name, value in detail.items()} if isinstance(detail, Mapping) else {}
