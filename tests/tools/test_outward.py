"""Addresses that strangers gave: nothing but the open internet is reached, whatever they are written as."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest

from domain.errors import BadInput
from domain.happening import EventType
from domain.ids import Region, TenantId
from domain.instants import DAY, Instant
from domain.ports.events import Answer, Subscription, SubscriptionState
from tools.callbacks import HttpCallbacks
from tools.clock import ReplayClock
from tools.crm.webhook import verify
from tools.outward import place_of, reached

REFUSED = (
    "http://example.com/",  # not encrypted
    "ftp://example.com/",
    "//example.com/",
    "https:///path",
    "https://user:pass@example.com/",
    "https://example.com@10.0.0.1/",
    "https://example.com\\@10.0.0.1/",
    "https://example.com/#fragment",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://exa mple.com/",
    "https://example.com/\r\nhost: other",
    "https://ex\u00e4mple.com/",
    "https://%31%32%37.0.0.1/",
    "https://localhost/",
    "https://localhost./",
    "https://metadata/",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://10.0.0.8/",
    "https://172.16.3.4/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://255.255.255.255/",
    "https://224.0.0.1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:1::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://" + "a" * 3_000,
)
OPEN = (
    "https://example.com/hook?a=b",
    "https://8.8.8.8/",
    "https://[2606:4700::1111]:8443/x",
    "https://a-1.b_c.de/",
)
INNER = ("10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1", "64:ff9b::a00:1")
NOW = Instant(1_800_000_000_000_000)
SECRET = b"s" * 32


def subscribed(url: str, **more: Any) -> Subscription:
    return Subscription(
        subscription_id="sub_1", tenant=TenantId("default"), region=Region("eu"), url=url,
        types=frozenset(EventType), state=SubscriptionState.ON, position=0, made_at=0, **more,
    )  # fmt: skip


class Names:
    """A name service that answers what it is told, each time the next."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def listening() -> tuple[list[httpx.Request], httpx.MockTransport]:
    """A receiver that takes everything, and what it got."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(204)

    return sent, httpx.MockTransport(answer)


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_no_place_on_the_open_internet_is_refused(url: str) -> None:
    """By its form alone, before any name is looked up."""
    with pytest.raises(BadInput) as refused:
        place_of(url, here=False)
    assert refused.value.field == "url"


@pytest.mark.parametrize("url", OPEN)
def test_a_public_address_is_taken(url: str) -> None:
    """Whatever port and path."""
    assert place_of(url, here=False).https


@pytest.mark.parametrize("inner", INNER)
async def test_a_name_with_one_inner_address_leads_nowhere(inner: str) -> None:
    """Beside a public one too, and nothing is connected to."""
    sent, transport = listening()
    names = Names(("93.184.216.34", inner))
    callbacks = HttpCallbacks(SECRET, ReplayClock(NOW), resolve=names, transport=transport)
    with pytest.raises(BadInput):
        await reached(place_of("https://example.com/", here=False), names)
    assert await callbacks.post(subscribed("https://example.com/"), "e1", b"{}") == Answer("address")
    assert sent == []


async def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    """A name that answers otherwise the second time is not asked a second time; Host and SNI stay the name's."""
    sent, transport = listening()
    names = Names(("93.184.216.34",), ("127.0.0.1",))
    callbacks = HttpCallbacks(SECRET, ReplayClock(NOW), resolve=names, transport=transport)
    assert await callbacks.post(subscribed("https://example.com:8443/hook?a=1"), "e1", b"{}") == Answer("ok")
    (request,) = sent
    assert (request.url.host, request.url.port, request.url.raw_path) == ("93.184.216.34", 8443, b"/hook?a=1")
    assert request.headers["host"] == "example.com:8443"
    assert request.extensions["sni_hostname"] == "example.com"
    assert names.asked == 1


async def test_of_several_addresses_the_next_is_tried_where_one_does_not_answer() -> None:
    """IPv6 too."""
    tried: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tried.append(request.url.host)
        if len(tried) == 1:
            raise httpx.ConnectError("no route")
        return httpx.Response(200)

    callbacks = HttpCallbacks(
        SECRET, ReplayClock(NOW), resolve=Names(("2606:4700::1111", "93.184.216.34")),
        transport=httpx.MockTransport(answer),
    )  # fmt: skip
    assert await callbacks.post(subscribed("https://example.com/"), "e1", b"{}") == Answer("ok")
    assert tried == ["2606:4700::1111", "93.184.216.34"]


async def test_a_message_is_signed_after_the_standard_and_by_two_secrets_for_a_day() -> None:
    """So that a receiver can change over; then only by the new one."""
    sent, transport = listening()
    clock = ReplayClock(NOW)
    callbacks = HttpCallbacks(SECRET, clock, resolve=Names(("93.184.216.34",)), transport=transport)
    old = subscribed("https://example.com/")
    new = subscribed("https://example.com/", generation=1, rotated_at=NOW)
    secrets = [callbacks.secret(old), callbacks.secret(new)]
    assert secrets[0] != secrets[1]
    await callbacks.post(new, "dc_1.made", b'{"a":1}')
    signed = [verify([one], sent[0].headers, b'{"a":1}', now=clock.now()) for one in secrets]
    clock.advance(Instant(NOW + DAY))
    await callbacks.post(new, "dc_1.made", b'{"a":1}')
    later = [verify([one], sent[1].headers, b'{"a":1}', now=clock.now()) for one in secrets]
    assert (signed, later) == ([True, True], [False, True])
    assert sent[0].headers["webhook-id"] == "dc_1.made"
    assert sent[0].headers["content-type"].startswith("application/cloudevents+json")


@asynccontextmanager
async def receiving(answer: bytes, *, slow: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A receiver on this machine: its address, and the heads of what it got."""
    heard: list[bytes] = []
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        with suppress(ConnectionError):
            if slow:
                await reader.read()  # until the other side gives up
            writer.write(answer)
            await writer.drain()
            while b"endless" in answer:
                writer.write(b"x" * 65_536)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", heard
        if heard:
            await asyncio.wait_for(ended.wait(), 10)


@pytest.mark.parametrize(
    ("answer", "code", "wait"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "ok", 0.0),
        (b"HTTP/1.1 200 OK\r\nx: endless\r\n\r\n", "ok", 0.0),
        (
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            "redirect",
            0.0,
        ),
        (b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", "gone", 0.0),
        (b"HTTP/1.1 429 Many\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n", "status_429", 120.0),
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", "status_500", 0.0),
        (b"not http at all\r\n\r\n", "unreachable", 0.0),
        (b"", "unreachable", 0.0),
    ],
)
async def test_what_a_receiver_says_is_told_by_a_code(answer: bytes, code: str, wait: float) -> None:
    """A redirect is not followed, an endless answer is not read, a lost one is no yes."""
    async with receiving(answer) as (url, heard):
        callbacks = HttpCallbacks(SECRET, ReplayClock(NOW), here=True, deadline_s=5.0)
        found = await callbacks.post(subscribed(url), "e1", b"{}")
    assert (found, len(heard)) == (Answer(code, wait), 1)


async def test_a_slow_receiver_is_given_up_and_one_that_is_away_too() -> None:
    """In bounded time, without an error."""
    async with receiving(b"", slow=True) as (url, _):
        callbacks = HttpCallbacks(SECRET, ReplayClock(NOW), here=True, deadline_s=0.5)
        slow = await callbacks.post(subscribed(url), "e1", b"{}")
    callbacks = HttpCallbacks(SECRET, ReplayClock(NOW), here=True)
    away = await callbacks.post(subscribed("http://127.0.0.1:1/"), "e1", b"{}")
    assert (slow.code, away.code) == ("slow", "unreachable")


def test_this_machine_is_reached_only_where_a_setting_says_so() -> None:
    """And then by http too; the network around it never is."""
    with pytest.raises(BadInput):
        place_of("http://127.0.0.1:9/", here=False)
    assert place_of("http://127.0.0.1:9/", here=True).port == 9
    for url in ("http://example.com/", "http://10.0.0.1/", "https://10.0.0.1/"):
        with pytest.raises(BadInput):
            place_of(url, here=True)
