"""Salesforce's Streaming API on loopback: sessions, channels that keep events for three days, logins that end, faults.

A request that the protocol does not allow is refused and kept in `broken`.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from domain.instants import HOUR
from tests.tools.records.vendors import OUR_USER, Org
from tests.tools.vendor_server import Asked

RETAINED: Final = 72 * HOUR
STEP: Final = 7
"""Replay ids leave gaps."""
Message = dict[str, Any]
Fault = Callable[["Handler", list[Message]], None]
"""Writes what comes instead of an answer; the server has done what was asked by then."""


@dataclass
class Client:
    """One session."""

    token: str
    channel: str = ""
    told: int = 0
    """Replay id up to which it was told."""
    fresh: bool = True
    """Its first question is answered at once."""


@dataclass
class Streams(Org):
    """An org that is listened to. `hold_s` is for how long a question is held, `batch` the most events of an answer."""

    hold_s: float = 20.0
    batch: int = 1_000
    kept: dict[str, list[tuple[int, int, Message]]] = field(default_factory=lambda: defaultdict(list))
    """Channel -> (replay id, time, event)."""
    clients: dict[str, Client] = field(default_factory=dict)
    faults: dict[str, deque[Fault | None]] = field(default_factory=lambda: defaultdict(deque))
    """What befalls the next handshakes, subscriptions, questions."""
    subscribed: list[int] = field(default_factory=list)
    """The replay ids that were asked for."""
    asked: list[str] = field(default_factory=list)
    logins: int = 0
    most: int = 0
    """Sessions that listened at the same time."""
    holding: int = 0
    """Questions that are held."""
    replays: bool = True
    org: str = "00D"
    changed: threading.Condition = field(default_factory=threading.Condition)
    _last: int = 100

    def publish(self, channel: str, payload: Mapping[str, Any], *, at: int) -> int:
        """Something happens; its replay id."""
        with self.changed:
            self._last += STEP
            event = {"schema": "iuM3_sch", "payload": dict(payload), "event": {"replayId": self._last}}
            self.kept[channel].append((self._last, at, event))
            self.changed.notify_all()
            return self._last

    def trim(self, now: int) -> None:
        """Salesforce forgets what is older than three days."""
        for events in self.kept.values():
            events[:] = [one for one in events if one[1] > now - RETAINED]

    def forget(self) -> None:
        """All sessions end."""
        with self.changed:
            self.clients.clear()

    def answer(self, what: str, asked: Asked) -> tuple[list[Message], dict[str, str]]:
        """Messages and headers."""
        [message] = asked.body
        self.asked.append(what)
        if message.get("channel") != f"/meta/{what}" or not message.get("id"):
            return [self._no(message, "400::Bad message")], {}
        head = {"id": message["id"], "channel": message["channel"]}
        valid = asked.headers.get("authorization") == f"Bearer {self.token}"
        if what == "handshake":
            return self._handshake(message, head, asked, valid)
        client = self.clients.get(message.get("clientId", ""))
        if client is None:
            return [self._no(head, "403::Unknown client", "handshake")], {}
        if f"BAYEUX_BROWSER={message['clientId']}" not in asked.headers.get("cookie", ""):
            self.broken.append("no cookie")
            return [self._no(head, "400::Client has established a session, but no cookie present")], {}
        if not valid or client.token != self.token:
            return [self._no(head, "401::Authentication invalid", "none")], {}
        return getattr(self, f"_{what}")(message, head | {"clientId": message["clientId"]}, client), {}

    def _handshake(
        self, message: Message, head: Message, asked: Asked, valid: bool
    ) -> tuple[list[Message], dict[str, str]]:
        if message.get("supportedConnectionTypes") != ["long-polling"] or message.get("version") != "1.0":
            self.broken.append("handshake")
        if not valid:
            ext = {"sfdc": {"failureReason": "401::Authentication invalid"}, "replay": True}
            return [self._no(head, "403::Handshake denied", "none") | {"ext": ext}], {}
        client = f"client{len(self.asked)}"
        self.clients[client] = Client(self.token)
        ext = {
            "replay": self.replays and message.get("ext", {}).get("replay") is True,
            "payload.format": True,
        }
        said = head | {"successful": True, "clientId": client, "version": "1.0", "ext": ext}
        return [said], {"set-cookie": f"BAYEUX_BROWSER={client}; Path=/"}

    def _subscribe(self, message: Message, head: Message, client: Client) -> list[Message]:
        channel = message.get("subscription", "")
        replay = message.get("ext", {}).get("replay", {}).get(channel)
        if channel not in self.kept:
            words = "400::The channel you requested to subscribe to does not exist secret words"
            return [self._no(head, words)]
        self.subscribed.append(replay)
        known = [number for number, _, _ in self.kept[channel]]
        if replay == -1:
            client.told = self._last
        elif replay != -2 and replay not in known:
            words = (
                f"400::The replayId {{{replay}}} you provided was invalid.  Please provide a valid ID, -2 to"
            )
            return [self._no(head, f"{words} replay all events, or -1 to replay only new events.")]
        else:
            client.told = max(replay, 0)
        client.channel = channel
        self.most = max(self.most, sum(bool(one.channel) for one in self.clients.values()))
        return [head | {"successful": True, "subscription": channel}]

    def _connect(self, message: Message, head: Message, client: Client) -> list[Message]:
        if message.get("connectionType") != "long-polling":
            self.broken.append("connect")
        until = time.monotonic() + (0 if client.fresh else self.hold_s)
        client.fresh = False
        with self.changed:
            while not (found := self._next(client)) and (left := until - time.monotonic()) > 0:
                self.holding += 1
                self.changed.wait(left)
                self.holding -= 1
        if found:
            client.told = found[-1][0]
        advice = {"reconnect": "retry", "interval": 0, "timeout": round(self.hold_s * 1_000)}
        events = [{"data": event, "channel": client.channel} for _, _, event in found]
        return [*events, head | {"successful": True, "advice": advice}]

    def _disconnect(self, message: Message, head: Message, _client: Client) -> list[Message]:
        del self.clients[message["clientId"]]
        return [head | {"successful": True}]

    def _next(self, client: Client) -> list[tuple[int, int, Message]]:
        return [one for one in self.kept[client.channel] if one[0] > client.told][: self.batch]

    @staticmethod
    def _no(head: Message, error: str, reconnect: str | None = None) -> Message:
        advice = {"advice": {"reconnect": reconnect, "interval": 0}} if reconnect else {}
        return {
            "channel": head["channel"],
            "id": head.get("id"),
            "error": error,
            "successful": False,
            **advice,
        }


class Handler(BaseHTTPRequestHandler):
    """One request; REST as any org answers it, Bayeux by `Streams.answer`."""

    place: "Place"
    asked: Asked

    def respond(self) -> None:
        """Answer, or let a fault do it."""
        fake, parts = self.place.fake, urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = orjson.loads(raw) if headers.get("content-type") == "application/json" else None
        self.asked = asked = Asked(
            self.command, unquote(parts.path), dict(parse_qsl(parts.query)), headers, body, raw
        )
        _, _, what = parts.path.partition("/cometd/59.0/")
        if not what:
            fake.logins += parts.path.endswith("/token")
            said = fake.handle(asked)
            if isinstance(said.body, dict) and "access_token" in said.body:
                said.body["id"] = f"https://login/id/{fake.org}/{OUR_USER}"
            self.write(said.status, orjson.dumps(said.body))
            return
        fault = fake.faults[what].popleft() if fake.faults[what] else None
        messages, more = fake.answer(what, asked)
        if fault is None:
            self.write(200, orjson.dumps(messages), more)
        else:
            fault(self, messages)

    do_GET = do_POST = respond  # noqa: N815 - names of the library

    def write(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        """All of an answer."""
        with suppress(OSError):
            self.send_response(status)
            for name, value in {**(headers or {}), "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@dataclass
class Place:
    """Where the org of the present test is served."""

    url: str = ""
    fake: Streams = field(default_factory=Streams)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def served() -> Iterator[Place]:
    """A server of this machine; each test puts an org of its own into it."""
    place = Place()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"place": place}))
    place.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield place
    finally:
        place.over.set()
        server.shutdown()
        server.server_close()


def hangs(handler: Handler, _: list[Message]) -> None:
    """No answer, ever."""
    handler.place.over.wait(5)


def drips(handler: Handler, messages: list[Message]) -> None:
    """A byte now and then."""
    content = orjson.dumps(messages)
    handler.send_response(200)
    handler.send_header("content-length", str(len(content) + 10_000))
    handler.end_headers()
    for byte in content.ljust(10_000):
        try:
            handler.wfile.write(bytes([byte]))
        except OSError:
            return
        if handler.place.over.wait(0.02):
            return


def lost(handler: Handler, _: list[Message]) -> None:
    """The server has told it; nobody heard."""
    handler.close_connection = True


def garbage(handler: Handler, _: list[Message]) -> None:
    """No JSON."""
    handler.write(200, b"<html>secret words</html>")


def busy(handler: Handler, _: list[Message]) -> None:
    """503."""
    handler.write(503, b"secret words")


def changed(**values: Any) -> Fault:
    """The last message of the answer says something else."""

    def fault(handler: Handler, messages: list[Message]) -> None:
        handler.write(200, orjson.dumps([*messages[:-1], messages[-1] | values]))

    return fault


def instead(*messages: Any) -> Fault:
    """Other messages."""
    return lambda handler, _: handler.write(200, orjson.dumps(list(messages)))


def among(turn: Callable[[list[Message]], list[Message]], **words: bytes) -> Fault:
    """The events of the answer are others, or in another order, with other words on the wire."""

    def fault(handler: Handler, messages: list[Message]) -> None:
        content = orjson.dumps([*turn(messages[:-1]), messages[-1]])
        for before, after in words.items():
            content = content.replace(before.encode(), after)
        handler.write(200, content)

    return fault
