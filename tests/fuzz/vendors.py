"""What stands before the application while it is tried: requests to webhooks are signed as their vendor signs them.

Random JSON never looks like an event. So half of it is put into an event of the vendor, at a random place. What
becomes of a body follows from its bytes alone.
"""

import json
import random
from collections.abc import MutableMapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qs, quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.instants import SECOND
from domain.ports.home import Home
from tests.surfaces.webhooks.sending import SENDERS, Sender, as_json
from tests.tools.chat.slack_world import FORM, pressed, signed

PREFIX: Final = "/v1/webhooks/"
SLACK: Final = "/v1/slack/interactions"
SIGNED: Final = 0.9
"""Part of the requests that carry their vendor's proof."""


class Vendors:
    """An application whose webhooks are called by vendors."""

    def __init__(self, app: ASGIApp, home: Home) -> None:
        self._app, self._home = app, home

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, signed if it is one to a webhook that knows its vendor."""
        if scope.get("path") == SLACK:
            await self._from_slack(scope, receive, send)
            return
        name = scope.get("path", "").removeprefix(PREFIX).partition("/")[0]
        if not scope.get("path", "").startswith(PREFIX) or name not in SENDERS:
            await self._app(scope, receive, send)
            return
        body = await _whole(receive)
        chance = random.Random(sha256(name.encode() + body).digest())
        if chance.random() < 0.5:
            body = _grafted(json.loads(SENDERS[name].body), body, chance)
        scope["headers"] = [*_kept(scope, len(body)), *self._proof(SENDERS[name], body, chance)]
        await self._app(scope, _giving(body), send)

    async def _from_slack(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Half of it a press whose payload is what was sent, with the id of a question or any other."""
        body = await _whole(receive)
        chance = random.Random(sha256(body).digest())
        if chance.random() < 0.5:
            body = _pressed(body, chance)
            scope["headers"] = [one for one in scope["headers"] if one[0] != b"content-type"]
            scope["headers"].append((b"content-type", FORM.encode()))
        proof = signed(body, self._home.clock.now() / SECOND) if chance.random() < SIGNED else {}
        more = [(name.encode(), value.encode()) for name, value in proof.items() if name != "content-type"]
        scope["headers"] = [*_kept(scope, len(body)), *more]
        await self._app(scope, _giving(body), send)

    def _proof(self, sender: Sender, body: bytes, chance: random.Random) -> list[tuple[bytes, bytes]]:
        if chance.random() >= SIGNED:
            return []
        proof = sender.sign(body, self._home.clock.now() / SECOND, sender.secret)
        return [(name.encode(), value.encode()) for name, value in proof.items()]


def _pressed(body: bytes, chance: random.Random) -> bytes:
    """A press of a button, in one place of which stands what was sent."""
    button = {"action_id": chance.choice(["approve", "reject"]), "value": f"ap_{'0' * 20} {'0' * 64}"}
    press = json.loads(parse_qs(pressed(button).decode())["payload"][0])
    return b"payload=" + quote(_grafted(press, body, chance)).encode()


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _giving(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _kept(scope: Scope, length: int) -> list[tuple[bytes, bytes]]:
    others = [one for one in scope["headers"] if one[0] not in (b"content-length", b"authorization")]
    return [*others, (b"content-length", str(length).encode())]


def _grafted(event: Any, body: bytes, chance: random.Random) -> bytes:
    """The event with what was sent in one of its places, or one of its places left out."""
    try:
        value = json.loads(body)
    except ValueError:
        return body
    places = list(_places(event))
    inside, key = chance.choice(places)
    if chance.random() < 0.2 and isinstance(inside, MutableMapping):
        del inside[key]
    else:
        inside[key] = value
    return as_json(event)


def _places(node: Any) -> Any:
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list) and node[key]:
            yield from _places(node[key])
