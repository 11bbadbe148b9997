"""Signed webhooks: checked by a second hand, and refused when anything about them was changed."""

import asyncio
import base64
import hmac
import json
import random
import threading
from collections import Counter, deque
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from domain.action import ActionKind, ActionState
from domain.effect import Step, StepKind
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
from domain.instants import SECOND
from tests.agents import performing
from tests.tools.crm.faulty import MemoryTarget
from tests.tools.crm.test_vendor_faults import until_over
from tests.tools.crm.worlds import LEAD, NOW, SUBJECT, TASK, TENANT, FixedClock
from tools.crm.webhook import Webhook, verify

OLD, NEW, FOREIGN = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
TELL = Step(StepKind.NOTIFY, {"owner": "r1", "next_step": "call"})
URL = "https://hooks.example.com/leadgraph"


class Receiver:
    """Keeps what it gets."""

    def __init__(self, status: int = 204, **headers: str) -> None:
        self.status, self.headers = status, headers
        self.got: list[tuple[dict[str, str], bytes]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Keep and answer."""
        self.got.append((dict(request.headers), request.content))
        return httpx.Response(self.status, headers=self.headers)


def webhook(receiver: Any, *secrets: str, url: str = URL) -> Webhook:
    """A webhook whose receiver is a function."""
    return Webhook(url, secrets or (OLD,), FixedClock(), transport=httpx.MockTransport(receiver))


async def sent(*secrets: str) -> tuple[dict[str, str], bytes]:
    """One message as it arrived."""
    receiver = Receiver()
    assert (await webhook(receiver, *secrets).send(TELL, SUBJECT, key="a1/notify")).ref == "a1/notify"
    return receiver.got[0]


async def test_the_signature_is_that_of_the_specification() -> None:
    """Computed here from the secret's bytes, with nothing of ours."""
    headers, body = await sent(OLD)
    signed = b".".join([b"a1/notify", b"1700000000", body])
    expected = base64.b64encode(hmac.new(b"\x01" * 32, signed, sha256).digest()).decode()
    assert headers["webhook-id"] == "a1/notify"
    assert headers["webhook-timestamp"] == "1700000000"
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_known_message_has_its_known_signature() -> None:
    """The example that the specification's own libraries test with."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert verify([secret], headers, b'{"test": 2432232314}', now=1_614_265_330 * SECOND)


async def test_the_body_holds_our_ids_and_the_step_and_nothing_of_the_person() -> None:
    _, body = await sent(OLD)
    assert json.loads(body) == {
        "type": "leadgraph.notify",
        "data": {"tenant": TENANT, "lead_id": LEAD, "params": dict(TELL.params)},
    }
    assert all(key.value.encode() not in body for key in SUBJECT.keys)


async def test_a_resend_is_the_same_message_signed_at_its_own_time() -> None:
    receiver, clock = Receiver(), FixedClock()
    target = Webhook(URL, [OLD], clock, transport=httpx.MockTransport(receiver))
    await target.send(TELL, SUBJECT, key="k1")
    clock.at = type(clock.at)(NOW + 3_600 * SECOND)
    await target.send(TELL, SUBJECT, key="k1")
    (first, body), (second, again) = receiver.got
    assert (first["webhook-id"], body) == (second["webhook-id"], again)
    assert verify([OLD], second, again, now=clock.at)
    assert not verify([OLD], first, body, now=clock.at)


async def test_while_a_secret_is_replaced_receivers_may_hold_either() -> None:
    headers, body = await sent(OLD, NEW)
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert verify([OLD], headers, body, now=NOW)
    assert verify([NEW], headers, body, now=NOW)
    assert verify([FOREIGN, NEW], headers, body, now=NOW)
    assert not verify([FOREIGN], headers, body, now=NOW)
    assert not verify([], headers, body, now=NOW)


@pytest.mark.parametrize(
    ("seconds", "good"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
async def test_a_message_is_good_for_five_minutes_both_ways(seconds: int, good: bool) -> None:
    headers, body = await sent(OLD)
    assert verify([OLD], headers, body, now=NOW + seconds * SECOND) is good


async def test_one_altered_byte_anywhere_is_noticed() -> None:
    headers, body = await sent(OLD)
    for at in range(len(body)):
        assert not verify([OLD], headers, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :], now=NOW)
    changes = {
        "webhook-id": ["a1/notifz", "", "a1"],
        "webhook-timestamp": ["1700000001", "", "x", "-1700000000", "1700000000.0", "1" * 400],
        "webhook-signature": ["", "v1,", "v2," + headers["webhook-signature"][3:], "v1,é", "v1," + "A" * 44],
    }
    for name, values in changes.items():
        for value in values:
            assert not verify([OLD], {**headers, name: value}, body, now=NOW)
        assert not verify([OLD], {k: v for k, v in headers.items() if k != name}, body, now=NOW)
    flood = {**headers, "webhook-signature": "v1,x " * 1_000 + headers["webhook-signature"]}
    assert not verify([OLD], flood, body, now=NOW)


@pytest.mark.parametrize(
    ("status", "code"),
    [(410, "gone"), (404, "gone"), (400, "invalid"), (403, "forbidden"), (418, "refused"), (301, "moved")],
)
async def test_a_receiver_that_says_no_is_not_asked_again(status: int, code: str) -> None:
    with pytest.raises(Refused) as refused:
        await webhook(Receiver(status)).send(TELL, SUBJECT, key="k1")
    assert refused.value.code == code


async def test_a_signature_that_is_not_accepted_is_an_outage_and_names_what_to_renew() -> None:
    with pytest.raises(Unauthorized) as denied:
        await webhook(Receiver(401)).send(TELL, SUBJECT, key="k1")
    assert denied.value.setting == "webhook_secrets"


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_an_answer_that_tells_nothing_is_unknown(status: int) -> None:
    with pytest.raises(OutcomeUnknown):
        await webhook(Receiver(status)).send(TELL, SUBJECT, key="k1")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_2xx_is_done(status: int) -> None:
    await webhook(Receiver(status)).send(TELL, SUBJECT, key="k1")


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (httpx.ConnectError, Temporary),
        (httpx.ReadTimeout, OutcomeUnknown),
        (httpx.RemoteProtocolError, OutcomeUnknown),
    ],
)
async def test_a_lost_answer_is_unknown_and_a_closed_door_is_not(
    raised: type[httpx.TransportError], error: type[LeadgraphError]
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise raised("down")

    with pytest.raises(error):
        await webhook(fail).send(TELL, SUBJECT, key="k1")


async def test_it_stays_away_as_long_as_it_is_asked_to() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers={"retry-after": "90"})

    with pytest.raises(Throttled) as throttled:
        await webhook(answer).send(TELL, SUBJECT, key="k1")
    assert throttled.value.retry_after_s == 90.0


async def test_only_what_it_takes_leaves() -> None:
    receiver = Receiver()
    for step, key in ((TASK, "k1"), (TELL, ""), (TELL, "a\r\nx: y"), (TELL, "ü"), (TELL, "k" * 301)):
        with pytest.raises(Refused):
            await webhook(receiver).send(step, SUBJECT, key=key)
    assert receiver.got == []
    with pytest.raises(Permanent):
        await webhook(receiver).find("k1")
    assert not (await webhook(receiver).look(SUBJECT)).exists


def test_a_real_receiver_gets_it_from_any_loop() -> None:
    """Over a socket, each message from an event loop of its own, and closed in a third."""
    got: list[bool] = []

    class Hook(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            got.append(verify([OLD], headers, body, now=NOW))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = Webhook(f"http://127.0.0.1:{server.server_address[1]}/hook", [OLD], FixedClock())
        for key in ("k1", "k2"):
            asyncio.run(target.send(TELL, SUBJECT, key=key))
        asyncio.run(target.aclose())
        server.shutdown()
    assert got == [True, True]


async def test_a_preview_is_the_message_and_sends_nothing() -> None:
    receiver = Receiver()
    told, refused = await webhook(receiver).preview([TELL, TASK], SUBJECT)
    assert receiver.got == []
    assert told.after.encode() == (await sent(OLD))[1]
    assert (refused.field, refused.after) == ("refused", "invalid")


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", OLD.removeprefix("whsec_"), "whsec_c2hvcnQ="])
def test_a_weak_or_mistyped_secret_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        webhook(Receiver(), secret)
    assert not secret or secret == "whsec_" or secret not in str(wrong.value)


def test_a_message_leaves_this_machine_only_encrypted_and_signed() -> None:
    with pytest.raises(ConfigError):
        webhook(Receiver(), url="http://hooks.example.com/x")
    with pytest.raises(ConfigError):
        Webhook(URL, [], FixedClock())
    assert OLD[6:20] not in repr(vars(webhook(Receiver())))


class Inbox:
    """A receiver that checks each message, takes each id once, and whose answers get lost as `plan` says."""

    def __init__(self) -> None:
        self.plan: deque[str] = deque()
        self.taken: dict[str, bytes] = {}
        self.came: Counter[str] = Counter()
        self.clock = FixedClock()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Take and answer, or not."""
        fault = self.plan.popleft() if self.plan else ""
        if fault == "vanished":
            raise httpx.ReadError("lost", request=request)
        if fault == "busy":
            return httpx.Response(429, headers={"retry-after": "2"})
        headers, key = dict(request.headers), request.headers["webhook-id"]
        assert verify([OLD], headers, request.content, now=self.clock.at)
        self.came[key] += 1
        assert self.taken.setdefault(key, request.content) == request.content, "another message under the id"
        if fault == "late":
            await asyncio.Event().wait()
        if fault == "cut":
            raise httpx.RemoteProtocolError("cut", request=request)
        return httpx.Response(502 if fault == "error" else 204)


async def test_two_hundred_lost_answers_are_two_hundred_messages() -> None:
    """By the receiver's own ledger: whatever comes again is the same message under the same id."""
    inbox, seed = Inbox(), random.Random(11)
    target = Webhook(URL, [OLD], inbox.clock, transport=httpx.MockTransport(inbox), deadline_s=0.02)
    faults = ("error", "cut", "vanished", "busy", "error", "cut", "late")
    for number in range(200):
        inbox.plan = deque(seed.choices(faults, k=seed.randrange(1, 4)))
        row = performing.action(ActionKind.NOTIFY)
        steps = tuple(replace(one, key=f"{performing.LEAD_ID}/notify/{number}") for one in row.steps)
        bench = performing.Bench(replace(row, steps=steps), MemoryTarget(), targets={StepKind.NOTIFY: target})
        assert await until_over(bench, inbox) is ActionState.DONE
    assert list(inbox.taken) == [f"{performing.LEAD_ID}/notify/{number}" for number in range(200)]
    assert inbox.came.total() > 250, "hardly an answer was lost"
