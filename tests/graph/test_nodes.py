"""The audit wrapper: one row per transition whatever happens, and a deadline for each node."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from langgraph.runtime import Runtime

from domain.decision import RunInput
from domain.errors import Permanent, Temporary
from domain.ids import LeadId, Region, RunId, TenantId
from domain.lead import LeadState
from graph.deps import Collector, Deps, RunContext
from graph.nodes import Step, audited
from graph.state import RunState


def _given() -> RunInput:
    lead = LeadState(LeadId("ld_1"), TenantId("acme"), Region("eu"))
    return RunInput(
        run_id=RunId("rn_1"), as_of=1_000, reason="signals", lead=lead, new=(), recent=(), account=None, reps=(),
        quality=(), versions={"graph": "abc"},
    )  # fmt: skip


def _runtime(collector: Collector, deadlines: Mapping[str, float]) -> Runtime[RunContext]:
    ports: Any = object()
    deps = Deps(catalogue=ports, reasoner=ports, scorer=ports, policy=ports, deadlines=deadlines)
    return Runtime(context=RunContext(deps, collector))


async def test_a_node_leaves_one_row_with_code_evidence_and_detail_and_its_words_apart() -> None:
    rows = Collector()

    async def body(state: RunState, deps: Deps) -> Step:
        return Step({}, "ok", ("s1",), {"new": 1}, ("One signal is new.",))

    assert await audited("intent", body)({"given": _given()}, runtime=_runtime(rows, {"intent": 1.0})) == {}
    (row,) = rows.entries
    assert (row.step, row.code, row.evidence, row.detail) == ("intent", "ok", ("s1",), {"new": 1})
    assert (row.tenant, row.run_id, row.lead_id, row.at) == ("acme", "rn_1", "ld_1", 1_000)
    assert rows.words == ["One signal is new."]


async def test_a_node_past_its_deadline_is_temporary_and_leaves_its_row() -> None:
    rows = Collector()

    async def body(state: RunState, deps: Deps) -> Step:
        await asyncio.sleep(5)
        return Step({})

    with pytest.raises(Temporary, match="intent took longer"):
        await audited("intent", body)({"given": _given()}, runtime=_runtime(rows, {"intent": 0.01}))
    assert [row.code for row in rows.entries] == ["error:deadline"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Permanent("no"), "error:permanent"),
        (Temporary("later"), "error:temporary"),
        (KeyError("x"), "error:bug:KeyError"),
    ],
)
async def test_a_failing_node_leaves_a_row_with_the_class_of_the_error_never_its_text(
    error: Exception, code: str
) -> None:
    rows = Collector()

    async def body(state: RunState, deps: Deps) -> Step:
        raise error

    with pytest.raises(type(error)):
        await audited("scoring", body)({"given": _given()}, runtime=_runtime(rows, {"scoring": 1.0}))
    assert [row.code for row in rows.entries] == [code]
    assert "later" not in repr(rows.entries)


async def test_listeners_hear_each_row_as_it_is_made() -> None:
    heard: list[str] = []
    rows = Collector(listen=lambda row: heard.append(row.step))

    async def body(state: RunState, deps: Deps) -> Step:
        return Step({})

    await audited("policy", body)({"given": _given()}, runtime=_runtime(rows, {"policy": 1.0}))
    assert heard == ["policy"]
