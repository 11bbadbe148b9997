"""How a server says how it stands: readiness, figures, and what every answer carries."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from domain.errors import Temporary
from domain.ports.home import Home
from surfaces.api.app import Terms, build_app
from surfaces.api.health import Health
from surfaces.api.metrics import Figures
from surfaces.door import take
from surfaces.log import Line
from surfaces.supervising import Crew
from surfaces.working import Working, worker_of
from tests.surfaces.talk_world import Ears, open_talks

SECRET = "ada@example.com"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADGRAPH_MEMORY", "off")
        with open_talks(tmp_path_factory.mktemp("state")) as home:
            yield home


class Broken:
    """Stands in for a port: every method fails, or never ends."""

    def __init__(self, *, ends: bool = True) -> None:
        self._ends = ends

    def __getattr__(self, _: str) -> Callable[..., Any]:
        async def call(*_: object, **__: object) -> None:
            if self._ends:
                raise Temporary("/secret/place is down")
            await asyncio.sleep(60)

        return call


class Hand:
    """A worker as its health is seen."""

    def __init__(self, *, alive: bool = True, still: float = 0) -> None:
        self._alive, self._still = alive, still

    def alive(self) -> bool:
        return self._alive

    def still_s(self) -> float:
        return self._still

    def answered(self, line: Line) -> None:
        pass


def _unread(_: object, **__: object) -> Iterator[Any]:
    raise Temporary("the log cannot be read")


def _shut(home: Home) -> Home:
    """Every breaker of the targets is open."""
    tripped = SimpleNamespace(state=lambda _: SimpleNamespace(value="open"))
    target: Any = SimpleNamespace(name="crm", breaker=tripped)
    return replace(home, targets={kind: target for kind in home.targets}, model=target)


def _waiting(number: int) -> Any:
    async def waiting() -> int:
        return number

    return SimpleNamespace(waiting=waiting)


LACKING: dict[str, tuple[Callable[[Home], Home], Hand, dict[str, str], dict[str, str]]] = {
    "nothing": (lambda home: home, Hand(), {}, {}),
    "the database": (lambda home: replace(home, limits=Broken()), Hand(), {"database": "temporary"}, {}),
    "an answer of the database": (
        lambda home: replace(home, limits=Broken(ends=False)),
        Hand(),
        {"database": "too_slow"},
        {},
    ),
    "the log": (
        lambda home: replace(home, audit=SimpleNamespace(rows=_unread)),
        Hand(),
        {"audit": "temporary"},
        {},
    ),
    "room": (lambda home: replace(home, inbox=_waiting(200_000)), Hand(), {"inbox": "full"}, {}),
    "much room": (lambda home: replace(home, inbox=_waiting(160_000)), Hand(), {}, {"inbox": "filling"}),
    "a worker": (lambda home: home, Hand(alive=False), {"worker": "ended"}, {}),
    "a worker that moves": (lambda home: home, Hand(still=121), {}, {"worker": "hangs"}),
    "targets and the model": (_shut, Hand(), {}, {"target:crm": "open", "model": "open"}),
}


@pytest.mark.parametrize("case", LACKING)
async def test_what_is_missing_or_degraded_is_named(home: Home, case: str) -> None:
    change, hand, missing, degraded = LACKING[case]
    check_s = 0.2 if case == "an answer of the database" else 20
    standing = await Health(change(home), hand, check_s=check_s).standing()
    assert (standing.missing, standing.degraded) == (missing, degraded)


@pytest.mark.parametrize("part", ["worker", "deliveries", "events"])
async def test_a_part_that_ended_is_named_and_counted_until_it_is_well(home: Home, part: str) -> None:
    """Without some of them nothing comes of what is taken; the server goes on without the others."""
    now, stop = [0.0], asyncio.Event()
    crew = Crew(now=lambda: now[0], pauses=(3_600.0,))

    async def fails(_: asyncio.Event) -> None:
        raise ZeroDivisionError

    async def seen() -> tuple[Mapping[str, str], Mapping[str, str], float, float]:
        standing = await Health(home, crew=crew).standing()
        figures = _figures((await Figures(home, crew).text()).decode())
        up, failures = figures["leadgraph_part_up", part], figures["leadgraph_part_failures_total", part]
        return standing.missing, standing.degraded, up, failures

    keeping = asyncio.create_task(crew.keep({part: fails}, stop))
    while not crew.failures.get(part):  # noqa: ASYNC110 - it is begun on this loop
        await asyncio.sleep(0)
    ended: dict[str, str] = {part: "ended"}
    assert await seen() == (({}, ended, 0, 1) if part == "events" else (ended, {}, 0, 1))
    if part == "worker":
        answer = TestClient(build_app(home, Ears(), Terms(open_=True), crew=crew)).get("/readyz")
        assert (answer.status_code, answer.json()["missing"]) == (503, [{"name": part, "code": "ended"}])
    stop.set()
    await keeping
    assert await seen() == ({}, {part: "begun_again"}, 1, 1)
    now[0] = 60.0
    assert await seen() == ({}, {}, 1, 1)


async def test_an_answer_is_given_again_for_a_second_and_then_looked_at_anew(home: Home) -> None:
    asked, now = [0], [0.0]

    async def reserve(*_: object, **__: object) -> int:
        asked[0] += 1
        return 0

    limits: Any = SimpleNamespace(reserve=reserve)
    health = Health(replace(home, limits=limits), now=lambda: now[0])
    await asyncio.gather(*(health.standing() for _ in range(20)))
    assert asked == [1]
    now[0] = 1.0
    await health.standing()
    assert asked == [2]


def test_readyz_is_a_problem_that_names_what_is_missing_and_nothing_of_the_house(home: Home) -> None:
    client = TestClient(build_app(replace(home, limits=Broken()), Ears(), Terms(open_=True)))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.json()["missing"] == [{"name": "database", "code": "temporary"}]
    assert "secret" not in answer.text
    assert client.get("/healthz").status_code == 200
    assert TestClient(build_app(home, Ears(), Terms(open_=True))).get("/readyz").json() == {
        "status": "ok",
        "degraded": [],
    }


def test_figures_and_readiness_ask_for_a_key_and_being_alive_does_not(home: Home) -> None:
    client = TestClient(build_app(home, Ears(), Terms(key="k")))
    shown = {"authorization": "Bearer k"}
    for path in ("/readyz", "/metrics"):
        assert (client.get(path).status_code, client.get(path, headers=shown).status_code) == (401, 200)
    assert client.get("/healthz").status_code == 200


def _signal(number: int, key: str = SECRET) -> dict[str, Any]:
    return {
        "id": f"state-{number}", "source": "web", "kind": "web.form", "keys": {"email": key},
        "occurred_at": "2026-03-02T10:00:00Z", "payload": {"form": "demo"}, "consent": "granted",
    }  # fmt: skip


def _figures(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_the_figures_count_what_happened_and_name_nobody(home: Home) -> None:
    figures, crew = Figures(home), Crew()
    client = TestClient(build_app(home, Ears(), Terms(open_=True), figures=figures))
    await take(home, [(0, _signal(1)), (1, _signal(1)), (2, {"id": "bad"})])
    working = Working(worker_of(home), crew, decided=figures.decided)
    working.start()
    while (await home.reads.counts(home.tenant))["decisions"] == 0:  # noqa: ASYNC110 - it works in another thread
        await asyncio.sleep(0.01)
    assert working.alive()
    assert working.still_s() < 60
    await working.stop()
    client.get("/v1/leads/nobody-knows-me")
    client.get("/v1/nothing/here")
    text = client.get("/metrics").text
    found = _figures(text)
    assert found["leadgraph_signals", "duplicates"] == 1
    assert found["leadgraph_signals", "quarantined"] == 1
    assert found["leadgraph_signals", "waiting"] == 0
    assert (
        sum(n for name, n in found.items() if name[0] == "leadgraph_verdicts_total")
        == found[("leadgraph_decisions",)]
    )
    assert (
        sum(n for name, n in found.items() if name[0] == "leadgraph_actions_by_state")
        == found[("leadgraph_actions",)]
    )
    assert found["leadgraph_http_requests_total", "GET", "/v1/leads/{lead}", "404"] == 1
    assert found["leadgraph_http_requests_total", "GET", "(none)", "404"] == 1
    assert any(name[0] == "leadgraph_breaker" and "closed" in name for name in found)
    for word in (SECRET, "nobody-knows-me", "nothing/here", "ld_"):
        assert word not in text


def test_every_answer_has_an_id_and_safe_headers_and_a_line_that_holds_nothing_that_was_sent(
    home: Home,
) -> None:
    lines: list[Line] = []
    client = TestClient(
        build_app(home, Ears(), Terms(open_=True), told=lines.append), raise_server_exceptions=False
    )
    for path, status in (
        ("/healthz", 200),
        (f"/v1/leads/x{SECRET}?utm={SECRET}", 404),
        (f"/{SECRET}", 404),
        ("/v1/leads?limit=x", 422),
    ):
        answer = client.get(path, headers={"x-request-id": "abc-1", "user-agent": SECRET})
        assert (answer.status_code, answer.headers["x-request-id"]) == (status, "abc-1"), path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert status == 200 or answer.json()["status"] == status
    assert [(line["route"], line["status"], line["key"]) for line in lines] == [
        ("/healthz", 200, None),
        ("/v1/leads/{lead}", 404, "setting"),
        ("(none)", 404, None),
        ("/v1/leads", 422, lines[3]["key"]),
    ]
    assert SECRET not in json.dumps(lines)
    for bad in ("a b", "x" * 65, "", "é"):
        given = client.get("/healthz", headers=[(b"x-request-id", bad.encode())]).headers["x-request-id"]
        assert given != bad
        assert len(given) == 16


def test_a_defect_is_answered_as_a_problem_and_its_words_stay_out_of_answer_and_log(home: Home) -> None:
    lines: list[Line] = []
    reads: Any = SimpleNamespace(find_lead=lambda *_, **__: 1 / 0)
    client = TestClient(build_app(replace(home, reads=reads), Ears(), Terms(open_=True), told=lines.append))
    answer = client.get(f"/v1/leads/{SECRET}")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.headers["x-request-id"] == lines[0]["request_id"]
    assert (lines[0]["status"], lines[0]["error"]) == (500, "ZeroDivisionError")
    assert "division" not in answer.text + json.dumps(lines)
