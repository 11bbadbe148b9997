"""``POST /v1/handoff`` over real HTTP on loopback."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from app import main
from domain.errors import Temporary
from domain.ports.home import Home
from surfaces.api import problems
from surfaces.api.app import Terms, build_app
from surfaces.api.body import json_of
from surfaces.api.guard import Door, guard
from surfaces.api.handoff import MOST_BYTES, handoff_router
from surfaces.cli.serve import on_this_machine
from tests.agents.test_handoff import BUYS, talk
from tests.surfaces.api.calling import served
from tests.surfaces.talk_world import Ears, actions, open_talks, sent

TALK = talk(("customer", BUYS)).model_dump(mode="json")
CONTRACT = {"decision", "probability", "intent", "route", "brief", "evidence", "reasoner", "run_id"}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADGRAPH_MEMORY", "off")
        with open_talks(tmp_path_factory.mktemp("api")) as home:
            yield home


async def posted(home: Home, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with served(build_app(home, Ears(), Terms(open_=True))) as client:
        return await client.post("/v1/handoff", content=raw, headers=JSON if headers is None else headers)


def named(conversation: str, **more: Any) -> dict[str, Any]:
    return {**TALK, "conversation_id": conversation, **more}


async def test_the_answer_is_that_of_the_contract(home: Home) -> None:
    answer = await posted(home, named("contract"))
    found = answer.json()
    assert (answer.status_code, found["decision"], found["route"]["team"]) == (200, "handoff", "sales")
    assert found.keys() >= CONTRACT
    assert found["evidence"] == [{"message_id": "m0", "quote": BUYS}]
    assert found["action"]["already_open"] is False


async def test_fifty_at_once_about_one_talk_make_one_effect(home: Home) -> None:
    before = len(await actions(home))
    async with served(build_app(home, Ears(), Terms(open_=True))) as client:
        tries = [client.post("/v1/handoff", json=named("parallel")) for _ in range(50)]
        answers = await asyncio.gather(*tries)
    assert {answer.status_code for answer in answers} == {200}
    assert Counter(answer.json()["decision"] for answer in answers) == {"handoff": 1, "stay": 49}
    await sent(home)
    assert len(await actions(home)) == before + 1


MESSAGE = TALK["messages"][0]
REFUSED = {
    "not json": (b"{", 400, "body"),
    "not utf-8": (b'{"conversation_id": "\xff"}', 400, "body"),
    "nan": (b'{"conversation_id": NaN}', 400, "body"),
    "a key twice": (b'{"conversation_id": "a", "conversation_id": "b"}', 400, "body"),
    "deep": (b'{"lead": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", 422, "body"),
    "no object": ([TALK], 422, "body"),
    "a field missing": ({"conversation_id": "c"}, 422, "messages"),
    "no messages": (named("c", messages=[]), 422, "messages"),
    "unknown field": (named("c", secret_words=1), 422, "?"),
    "unknown field inside": (named("c", messages=[{**MESSAGE, "secret_words": 1}]), 422, "messages.0.?"),
    "wrong type": (named("c", messages=[{**MESSAGE, "text": 7}]), 422, "messages.0.text"),
    "wrong role": (named("c", messages=[{**MESSAGE, "role": "admin"}]), 422, "messages.0.role"),
    "no zone": (named("c", messages=[{**MESSAGE, "at": "2026-03-02T10:00:00"}]), 422, "messages.0.at"),
    "an id twice": (named("c", messages=[MESSAGE, MESSAGE]), 422, "body"),
    "id with words": (named("ada lovelace"), 422, "conversation_id"),
    "too many messages": (
        named("c", messages=[{**MESSAGE, "id": f"m{n}"} for n in range(501)]),
        422,
        "messages",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_a_problem_that_names_field_and_remedy(home: Home, case: str) -> None:
    body, status, place = REFUSED[case]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with TestClient(build_app(home, Ears(), Terms(open_=True))) as client:
        answer = client.post("/v1/handoff", content=raw, headers=JSON)
    found = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, found["status"], found["field"]) == (status, status, place)
    assert found["remedy"]
    assert found["type"].startswith("urn:leadgraph:")
    assert "secret_words" not in answer.text


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(home: Home) -> None:
    """By what it says of itself, and where it says nothing as soon as the bound is passed."""
    answer = await posted(home, b"x" * (MOST_BYTES + 1))
    assert (answer.status_code, answer.json()["field"]) == (413, "body")
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while given < 50 * MOST_BYTES:
            given += 65_536
            yield b"x" * 65_536

    async with served(build_app(home, Ears(), Terms(open_=True))) as client:
        with suppress(httpx.TransportError):  # the server let go of it meanwhile
            chunked = await client.post("/v1/handoff", content=endless(), headers=JSON)
            assert chunked.status_code == 413
    assert given < 50 * MOST_BYTES


async def test_another_type_and_another_method_are_refused(home: Home) -> None:
    assert (await posted(home, TALK, {"content-type": "text/plain"})).status_code == 415
    async with served(build_app(home, Ears(), Terms(open_=True))) as client:
        for method, path, status in (("GET", "/v1/handoff", 405), ("POST", "/v1/nothing", 404)):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.json()["status"]) == (status, status)


async def test_a_body_that_drips_is_let_go() -> None:
    app = FastAPI()
    problems.install(app)

    @app.post("/")
    async def read(request: Request) -> Any:
        return await json_of(request, most=100, within_s=0.05)

    async def drips() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.3)
        yield b"}"

    async with served(app) as client:
        with suppress(httpx.TransportError):  # cut off before it was all sent
            assert (await client.post("/", content=drips(), headers=JSON)).status_code == 408


@pytest.mark.parametrize(
    ("shown", "status"), [("", 401), ("Bearer wrong", 401), ("Basic k1", 401), ("Bearer k1", 200)]
)
def test_with_a_key_only_who_shows_it_is_answered(home: Home, shown: str, status: int) -> None:
    with TestClient(build_app(home, Ears(), Terms(key="k1"))) as client:
        headers = {"authorization": shown} if shown else {}
        answer = client.post("/v1/handoff", json=named(f"key{status}"), headers=headers)
        assert answer.status_code == status
        assert status == 200 or answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/healthz").json() == {"status": "ok"}


def test_an_outage_says_when_to_come_back_and_tells_nothing_of_the_house(home: Home) -> None:
    class Down:
        def over(self, _: object) -> Any:
            return self

        async def decide(self, _: object) -> None:
            raise Temporary("/secret/place is busy")

    app = FastAPI()
    problems.install(app)
    app.include_router(handoff_router(home, guard(Door(home, None, open_=True)), Down()))  # type: ignore[arg-type]  # all that is called
    with TestClient(app) as client:
        answer = client.post("/v1/handoff", json=TALK)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "secret" not in answer.text


async def test_an_answer_that_is_too_late_is_no_answer_and_more_than_fit_are_sent_away(home: Home) -> None:
    go = asyncio.Event()

    class Slow:
        def over(self, _: object) -> Any:
            return self

        async def decide(self, _: object) -> None:
            await go.wait()

    app = FastAPI()
    problems.install(app)
    slow: Any = Slow()
    app.include_router(
        handoff_router(home, guard(Door(home, None, open_=True)), slow, answer_s=0.1, at_once=1)
    )
    async with served(app) as client:
        answers = await asyncio.gather(*(client.post("/v1/handoff", json=TALK) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [503, 503, 503]


def test_the_description_names_the_form_and_the_answer(home: Home) -> None:
    with TestClient(build_app(home, Ears(), Terms(open_=True))) as client:
        post = client.get("/openapi.json").json()["paths"]["/v1/handoff"]["post"]
    form = post["requestBody"]["content"]["application/json"]["schema"]
    assert set(form["required"]) == {"conversation_id", "messages"}
    assert form["properties"]["messages"]["items"]["properties"].keys() == {"id", "role", "text", "at"}


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_only_loopback_needs_no_key(host: str, *, here: bool) -> None:
    assert on_this_machine(host) is here


@pytest.mark.parametrize(
    ("given", "public_url", "said"),
    [
        (["--host", "10.0.0.1"], "", "LEADGRAPH_API_KEY"),
        (["--host", "10.0.0.1", "--open"], "", "10.0.0.1"),
        (["--open"], "https://leads.example.com", "public_url"),
    ],
    ids=["nobody could use it", "open to a network", "open behind a public name"],
)
def test_a_server_that_nobody_could_use_or_that_stands_open_to_others_does_not_start(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    public_url: str,
    said: str,
) -> None:
    monkeypatch.setenv("LEADGRAPH_HOME", str(tmp_path / "home"))
    if public_url:
        monkeypatch.setenv("LEADGRAPH_PUBLIC_URL", public_url)
    monkeypatch.setattr(sys, "argv", ["leadgraph", "serve", *given])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_a_server_that_is_told_to_stop_answers_first_and_lets_go_of_the_home(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inherited = dict(os.environ)  # noqa: TID251 - handed on to the process under test
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--open", "--port", str(port)],
        env={**inherited, "LEADGRAPH_HOME": str(tmp_path / "home"), "LEADGRAPH_MEMORY": "off"},
        cwd=Path(__file__).parents[3],
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
            _wait(client, process)
            fresh = named("served")
            answer = client.post("/v1/handoff", json=fresh).json()
            assert answer["decision"] == "handoff"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
    with open_talks(tmp_path) as home:
        assert answer["action"]["id"] in {row.action_id for row in asyncio.run(actions(home))}


def _wait(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            assert client.get("/healthz").status_code == 200
        except httpx.ConnectError:
            continue
        return
    pytest.fail("the server did not start")
