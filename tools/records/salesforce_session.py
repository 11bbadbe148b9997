"""A session at Salesforce's Streaming API: Bayeux messages over HTTP, where a question is held until something comes.

Handshake, subscription from a replay id, then one question after the other. Salesforce's own ways differ from the
protocol's: an unknown client is a 403, and a login that ended is told in an answer with status 200.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson

from domain.errors import LeadgraphError, Refused, Temporary, Throttled, Unauthorized
from tools.crm.salesforce import ROOT
from tools.said import listed, table, word
from tools.vendor import Answer, Api, Call, Manners

COMETD: Final = f"/cometd/{ROOT.rpartition('v')[2]}"
HELD_S: Final = 110.0
"""For how long Salesforce holds a question."""
SLACK_S: Final = 10.0
"""How much later than it said its answer is waited for."""
LONGEST_S: Final = HELD_S + SLACK_S
LONGEST: Final = httpx.Timeout(connect=3.0, read=LONGEST_S, write=5.0, pool=5.0)
"""Seconds for the parts of a request."""
SHORT_S: Final = 25.0
"""For answers that are not held."""
GOODBYE_S: Final = 2.0
MOST_BYTES: Final = 32 * 1024 * 1024
"""Of an answer: a change event has one megabyte at most."""
_REFUSED: Final[Mapping[str, str]] = {"400": "invalid", "403": "forbidden", "404": "gone"}
LATE_S: Final = 30.0
"""The longest rest between two questions: after 40 s Salesforce forgets the session."""
BUSY_S: Final = 300.0
"""How long we stay away when the org's daily events, or its listeners, are used up."""
SOON_S: Final = 0.5
"""An empty answer that comes sooner was not held, as the first one of a session."""
HURRIED: Final = 8
"""So many of them in a row are asked on, each time later; then the caller is told."""


class Anew(Temporary):
    """The session is not known any more: shake hands again, and go on from the last position."""


class Expired(Temporary):
    """The replay id is not known any more."""


def manners(setting: str) -> Manners:
    """How the streams are asked; `setting` is where a person renews our credentials."""

    def explain(answer: Answer) -> LeadgraphError | None:
        """What the first refusal means. Words of Salesforce go no further."""
        refused = next((one for one in _messages(answer.body) if one.get("successful") is False), None)
        return None if refused is None else _refusal(refused, setting)

    return Manners(
        "salesforce's streams",
        lambda token: {"Authorization": f"Bearer {token}"},
        explain=explain,
        stale=_stale,
        decode=_decode,
    )


def _decode(body: bytes) -> Any:
    """Also what is no Unicode: a text that Salesforce cut in the middle of a character spoils its own event only."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body)


def _refusal(message: Mapping[str, Any], setting: str) -> LeadgraphError:
    error = (word(message.get("error")) or "").lower()
    code = error.partition(":")[0]
    advice = table(message.get("advice")).get("reconnect")
    if _login_ended(message):
        if message.get("channel") == "/meta/handshake":
            return Unauthorized("salesforce does not accept our login for its streams", setting)
        return Anew("salesforce ended the login of our session")
    if code == "402" or "unknown client" in error:
        return Anew("salesforce does not know our session any more")
    if code == "400" and "replayid" in error and "invalid" in error:
        return Expired("salesforce does not know our replay id any more")
    if code == "429" or ("limit" in error and "exceeded" in error):
        return Throttled("salesforce has no room for us among its listeners", BUSY_S)
    if advice == "handshake":
        return Anew("salesforce asks us to shake hands again")
    if code in _REFUSED:
        return Refused(f"salesforce refused the channel ({code})", _REFUSED[code])
    return Temporary("salesforce's streams are in trouble, or ended the session")


def _login_ended(message: Mapping[str, Any]) -> bool:
    reason = word(table(table(message.get("ext")).get("sfdc")).get("failureReason")) or ""
    error = (word(message.get("error")) or "").lower()
    return "401" in (reason[:3], error[:3]) or "handshake denied" in error or "create_denied" in error


def _stale(answer: Answer) -> bool:
    return answer.status == 401 or any(
        one.get("successful") is False and _login_ended(one) for one in _messages(answer.body)
    )


def _messages(body: Any) -> Iterator[Mapping[str, Any]]:
    return (one for one in listed(body) if isinstance(one, dict))


@dataclass(slots=True)
class Session:
    """What one handshake gave. The position is the caller's: a session that ends takes nothing with it."""

    api: Api
    channel: str
    client: str = ""
    early: list[Mapping[str, Any]] = field(default_factory=list)
    """Events that came with the answer to a subscription."""
    begun: bool = False
    """Whether a question was answered: then all that was kept so far is on its way."""
    lost: bool = True
    """Whether it does not listen, or a question is without its answer: what that held is told to a new session only."""
    _number: int = 0
    _rest_s: float = 0.0
    _took_s: float = 0.0
    """How long the last answer took."""
    _held_s: float = HELD_S
    _over: bool = False

    async def handshake(self) -> None:
        """Become known, with the extension that replays. Raises: Temporary, Unauthorized, Refused."""
        wanted = {"version": "1.0", "minimumVersion": "1.0", "supportedConnectionTypes": ["long-polling"]}
        answer = await self._ask("handshake", SHORT_S, **wanted, ext={"replay": True})
        said, client = answer.meta, word(answer.meta.get("clientId"))
        if client is None:
            raise Temporary("salesforce: a handshake without a client id")
        if table(said.get("ext")).get("replay") is not True:
            raise Refused("salesforce does not replay here; it would tell only what is new", "no_replay")
        self.client = client

    async def subscribe(self, replay: int) -> None:
        """Listen from after `replay`, -2: from the earliest there is. Raises: Expired, Temporary, Refused."""
        wanted = {"subscription": self.channel, "ext": {"replay": {self.channel: replay}}}
        answer = await self._ask("subscribe", SHORT_S, clientId=self.client, **wanted)
        self.early += answer.events
        self.lost = False

    async def events(self) -> Sequence[Mapping[str, Any]]:
        """What comes next; empty where nothing came as long as Salesforce holds the question.

        Raises: Anew, Temporary, Throttled, Unauthorized, Refused.
        """
        for hurried in range(HURRIED):
            found = await self.question(0.05 * 2**hurried if hurried > 1 else 0.0)
            if found or self._took_s >= SOON_S:
                return found
        return ()

    async def question(self, rest_s: float = 0.0) -> Sequence[Mapping[str, Any]]:
        """One question, after a rest of `rest_s` or what was asked of us. The first of a session is not held.

        Raises: as `events`.
        """
        if self.early:
            found, self.early = self.early, []
            return found
        if self._over:
            raise Temporary("salesforce ended the session")
        await asyncio.sleep(max(self._rest_s, rest_s))
        self.lost, asked_at = True, time.monotonic()
        patience_s = self._held_s + SLACK_S
        answer = await self._ask("connect", patience_s, clientId=self.client, connectionType="long-polling")
        self.lost, self.begun, self._took_s = False, True, time.monotonic() - asked_at
        self._heed(table(answer.meta.get("advice")))
        return answer.events

    def _heed(self, advice: Mapping[str, Any]) -> None:
        """What Salesforce asks for, within bounds."""
        self._over = advice.get("reconnect") == "none"
        held, rest = _seconds(advice.get("timeout")), _seconds(advice.get("interval")) or 0.0
        self._held_s = min(held, HELD_S) if held else self._held_s
        self._rest_s = min(rest, LATE_S)

    async def goodbye(self) -> None:
        """Say that we are gone, if it can be said quickly: Salesforce counts its listeners."""
        with suppress(LeadgraphError, TimeoutError):
            await self._ask("disconnect", GOODBYE_S, clientId=self.client)

    async def _ask(self, what: str, patience_s: float, **wanted: Any) -> "_Heard":
        """One question and the answer to it. Raises: as `events`, and Expired."""
        self._number += 1
        number, channel = str(self._number), f"/meta/{what}"
        call = Call("POST", f"{COMETD}/{what}", [{"channel": channel, "id": number, **wanted}])
        try:
            async with asyncio.timeout(patience_s):
                body = await self.api.read(call)
        except TimeoutError:
            raise Temporary(f"salesforce's streams did not answer {what} in time") from None
        metas = [one for one in _messages(body) if one.get("channel") == channel]
        if len(metas) != 1 or metas[0].get("successful") is not True:
            raise Temporary(f"salesforce's streams gave no answer to {what}")
        theirs = metas[0].get("clientId") if self.client else None
        if str(metas[0].get("id", number)) != number or theirs not in (None, self.client):
            raise Temporary(f"salesforce's streams gave somebody else's answer to {what}")
        events = [
            one for one in _messages(body) if one.get("channel") == self.channel and table(one.get("data"))
        ]
        return _Heard(metas[0], events)


@dataclass(frozen=True, slots=True)
class _Heard:
    meta: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]


def _seconds(milliseconds: object) -> float | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float) or milliseconds < 0:
        return None
    return min(milliseconds / 1_000, 3_600.0)
