"""What an answer of the CRM behind its port means, and whom the port lets in."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.effect import Delivery, Step, StepKind
from domain.errors import (
    ConfigError,
    LeadgraphError,
    OutcomeUnknown,
    Permanent,
    Refused,
    Temporary,
    Throttled,
    Unauthorized,
)
from domain.ports.target import Subject
from domain.signal import KeyKind, LeadKey
from tests.tools.crm.conftest import Serve
from tests.tools.crm.worlds import SCORE, SUBJECT, TASK, TENANT, FixedClock
from tools.crm.embedded import Book, EmbeddedCrm, wire
from tools.crm.embedded.remote import MAX_ANSWER, RemoteCrm

URL = "http://127.0.0.1:1"
GOOD = {"ref": "task-1", "before": {}}
Answer = Callable[[httpx.Request], httpx.Response]


def remote(answer: Answer, **choices: Any) -> RemoteCrm:
    """A target whose server is a function."""
    return RemoteCrm(URL, "t", FixedClock(), transport=httpx.MockTransport(answer), **choices)


def always(status: int, content: bytes = b"{}", **headers: str) -> Answer:
    """The same answer to everything."""
    return lambda _: httpx.Response(status, content=content, headers=headers)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid"), (403, "forbidden"), (404, "gone"), (409, "conflict"), (410, "gone"),
        (422, "invalid"),
    ],
)  # fmt: skip
async def test_a_refusal_has_the_code_of_its_status(status: int, code: str) -> None:
    with pytest.raises(Refused) as refused:
        await remote(always(status, b"<html>")).send(TASK, SUBJECT, key="k1")
    assert refused.value.code == code


async def test_a_conflict_over_a_key_says_so() -> None:
    with pytest.raises(Refused) as refused:
        await remote(always(409, b'{"code":"key_reused"}')).send(TASK, SUBJECT, key="k1")
    assert refused.value.code == "key_reused"


@pytest.mark.parametrize("status", [201, 204, 302, 408, 500, 502, 503, 504])
async def test_an_answer_that_tells_nothing_leaves_a_write_unknown_and_a_read_for_later(status: int) -> None:
    target = remote(always(status))
    with pytest.raises(OutcomeUnknown):
        await target.send(TASK, SUBJECT, key="k1")
    for read in (target.look(SUBJECT), target.find("k1"), target.preview([TASK], SUBJECT)):
        with pytest.raises(Temporary):
            await read


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b'{"ref":1,"before":{}}',
        b'{"ref":"a","before":{"x":1}}',
        b"x" * (MAX_ANSWER + 1),
    ],
    ids=len,
)
async def test_a_malformed_answer_leaves_a_write_unknown_and_a_read_for_later(content: bytes) -> None:
    target = remote(always(200, content))
    with pytest.raises(OutcomeUnknown):
        await target.send(TASK, SUBJECT, key="k1")
    for read in (target.look(SUBJECT), target.find("k1"), target.preview([TASK], SUBJECT)):
        with pytest.raises(Temporary):
            await read


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (httpx.ConnectError, Temporary),
        (httpx.ConnectTimeout, Temporary),
        (httpx.PoolTimeout, Temporary),
        (httpx.ReadTimeout, OutcomeUnknown),
        (httpx.WriteTimeout, OutcomeUnknown),
        (httpx.ReadError, OutcomeUnknown),
        (httpx.WriteError, OutcomeUnknown),
        (httpx.RemoteProtocolError, OutcomeUnknown),
    ],
)
async def test_only_before_the_connection_stands_is_a_write_known_not_to_have_happened(
    raised: type[httpx.TransportError], error: type[LeadgraphError]
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise raised("down")

    with pytest.raises(error):
        await remote(fail).send(TASK, SUBJECT, key="k1")
    with pytest.raises(Temporary):
        await remote(fail).look(SUBJECT)


async def test_an_answer_that_trickles_in_does_not_hold_us() -> None:
    class Trickle(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    target = RemoteCrm(URL, "t", FixedClock(), transport=Trickle(), deadline_s=0.01)
    with pytest.raises(OutcomeUnknown):
        await target.send(TASK, SUBJECT, key="k1")


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0), ("soon", 30.0), ("-5", 0.0)]
)
async def test_it_stays_away_as_long_as_it_is_asked_to(header: str, seconds: float) -> None:
    target = remote(lambda _: httpx.Response(429, headers={"retry-after": header}))
    for call in (target.send(TASK, SUBJECT, key="k1"), target.look(SUBJECT)):
        with pytest.raises(Throttled) as throttled:
            await call
        assert throttled.value.retry_after_s == seconds


async def test_a_token_that_ran_out_is_renewed_once() -> None:
    given: list[str] = []
    fresh = iter(["t2", "t3"])

    def answer(request: httpx.Request) -> httpx.Response:
        given.append(request.headers["authorization"])
        return httpx.Response(200, json=GOOD) if given[-1] == "Bearer t2" else httpx.Response(401)

    async def refresh() -> str:
        return next(fresh)

    target = remote(answer, refresh=refresh)
    await target.send(TASK, SUBJECT, key="k1")
    await target.send(TASK, SUBJECT, key="k2")
    assert given == ["Bearer t", "Bearer t2", "Bearer t2"]
    assert next(fresh) == "t3"


@pytest.mark.parametrize("renewed", ["t", "t2", ""])
async def test_a_token_that_is_not_accepted_is_an_outage_and_names_what_to_renew(renewed: str) -> None:
    """Whether there is no newer one, it is not accepted either, or it is unusable."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["authorization"])
        return httpx.Response(401)

    async def refresh() -> str:
        return renewed

    with pytest.raises(Unauthorized) as denied:
        await remote(answer, refresh=refresh).send(TASK, SUBJECT, key="k1")
    assert denied.value.setting == "crm_token_file"
    assert len(asked) == (2 if renewed == "t2" else 1)


async def test_a_crm_that_cannot_be_asked_is_not_asked() -> None:
    with pytest.raises(Permanent):
        await remote(always(200), delivery=Delivery.NEITHER).find("k1")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "ftp://127.0.0.1",
        "http://user:pw@127.0.0.1",
        "https://",
        "nonsense",
        "http://[::",
    ],
)
def test_a_token_leaves_this_machine_only_encrypted(url: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        RemoteCrm(url, "t", FixedClock())
    assert "pw" not in str(wrong.value)


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "ü"])
def test_a_token_that_no_header_can_hold_is_refused_at_once(token: str) -> None:
    with pytest.raises(ConfigError):
        RemoteCrm(URL, token, FixedClock())


async def test_the_port_lets_nobody_in_without_its_token(crm: EmbeddedCrm, serve: Serve) -> None:
    server = serve()
    for token in ("wrong", server.token[:-1], server.token + "x"):
        stranger = RemoteCrm(server.url, token, FixedClock())
        with pytest.raises(Unauthorized) as refused:
            await stranger.send(TASK, SUBJECT, key="k1")
        assert refused.value.setting == "crm_token_file"
        await stranger.aclose()
    assert crm.reports.ledger() == []
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"authorization": f"Bearer {server.token}"}
        ask = {"subject": wire.subject_to(SUBJECT)}
        assert (await client.post(f"{server.url}/v1/look", json=ask)).status_code == 401
        assert (await client.post(f"{server.url}/v1/look", json=ask, headers=headers)).status_code == 200
        bodies: list[Any] = [[], {}, {"step": 1}, {"step": {"kind": "x", "params": {}}, "subject": {}}]
        for body in bodies:
            answer = await client.post(f"{server.url}/v1/send", json=body, headers=headers)
            assert answer.status_code == 400
        assert (await client.post(f"{server.url}/v1/none", json={}, headers=headers)).status_code == 404
        big = await client.post(f"{server.url}/v1/send", content=b"x" * 300_000, headers=headers)
        assert big.status_code == 413


async def test_a_token_from_a_file_is_not_printed(tmp_path: Path, serve: Serve) -> None:
    (tmp_path / "token").write_text("s3cret-token\n", "utf-8")
    server = serve("tools.crm.embedded.server", "--token-file", str(tmp_path / "token"))
    assert server.token == ""
    target = RemoteCrm(server.url, "s3cret-token", FixedClock())
    assert not (await target.look(SUBJECT)).exists
    await target.aclose()


def test_fifty_threads_with_one_key_are_one_effect(tmp_path: Path) -> None:
    book, start, receipts = Book(tmp_path / "crm.db", FixedClock()), threading.Barrier(50), list[str]()

    def send() -> None:
        start.wait()
        receipts.append(repr(book.send(TASK, SUBJECT, "k1")))

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(receipts), len(set(receipts))) == (50, 1)
    book.close()


async def test_every_sign_survives_the_wire(crm: EmbeddedCrm, serve: Serve) -> None:
    subject = Subject(TENANT, SUBJECT.lead_id, (LeadKey(KeyKind.USER_ID, "ü/'\"\\\n"),))
    odd = Step(StepKind.SET_FIELDS, {"next_step": '„Ruf an“ \U0001f4de\n"now"', "was.gone": ""})
    target = serve().client()
    await target.send(SCORE, subject, key="k0")
    await target.send(odd, subject, key="k-ü")
    assert (await target.look(subject)).fields["next_step"] == odd.params["next_step"]
    assert crm.reports.ledger()[1].params == odd.params
    assert await target.find("k-ü") == crm.reports.ledger()[1].receipt
    await target.aclose()
