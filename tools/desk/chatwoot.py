"""Chatwoot: private notes, and the handing over of a conversation.

Chatwoot knows no idempotency keys. A note ends in the mark of its step; a handing over leaves its mark in an
attribute of the conversation, written last. Labels and attributes are replaced as a whole there, so they are read,
added to and written back.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.effect import Step, StepKind
from domain.errors import OutcomeUnknown, Refused, Temporary
from domain.instants import SECOND
from domain.ports.target import Seen, Subject
from domain.signal import KeyKind
from tools.field_map import FieldMap
from tools.marked import Plan, changed, routed
from tools.sent import Note, with_mark
from tools.vendor import Answer, Api, Call, Manners

OWN: Final = ("marks", "queue", "label")
"""What the field map must name besides."""
TAKES: Final = frozenset({StepKind.ADD_NOTE, StepKind.REMOVE_NOTE, StepKind.HAND_OVER, StepKind.HAND_BACK})
MAX_MARKS: Final = 16
PAGES: Final = 50
"""Pages of messages that are read to find a note; longer conversations wait."""
PRIORITIES: Final = frozenset({"urgent", "high", "medium", "low"})
_ID: Final = re.compile(r"chatwoot:([0-9]{1,15})")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_NOTE: Final = re.compile(r"([0-9]{1,15}):([0-9]{1,15})")
_MARK: Final = "leadgraph:"
_OUTGOING: Final = 1
_ROUTED: Final = ("owner", "priority", "queue", "status", "label")
MANNERS: Final = Manners("chatwoot", lambda token: {"api_access_token": token})
"""Chatwoot's: what it says by its status is all it says."""


def conversation_of(subject: Subject) -> str | None:
    """The lead's latest conversation, None if it has none here. A bare number may be another desk's.

    >>> from domain.signal import LeadKey
    >>> keys = (LeadKey(KeyKind.CONVERSATION, "chatwoot:9"), LeadKey(KeyKind.CONVERSATION, "chatwoot:12"))
    >>> conversation_of(Subject("t", "ld_1", keys))
    '12'
    """
    found = (_ID.fullmatch(key.value) for key in subject.keys if key.kind is KeyKind.CONVERSATION)
    return max((one[1] for one in found if one), key=int, default=None)


@dataclass(frozen=True, slots=True)
class _Talk:
    """A conversation as it was read."""

    id: str
    owner: str
    team: str
    priority: str
    status: str
    labels: tuple[str, ...]
    attributes: Mapping[str, Any]


class Chatwoot:
    """Satisfies `tools.marked.Vendor`."""

    name, takes = "chatwoot", TAKES

    def __init__(self, api: Api, fields: FieldMap, *, account: int) -> None:
        """`account` is the number in the address of the account."""
        self._api, self._map, self._root = api, fields, f"/api/v1/accounts/{account}"

    async def look(self, subject: Subject) -> Seen:
        """The latest conversation, with its agent, and when a person last wrote in it."""
        ref = conversation_of(subject)
        if ref is None:
            return Seen()
        talk = await self._talk(ref)
        if talk is None:
            return Seen(gone=True)
        return Seen(exists=True, owner=talk.owner or None, human_touch_at=await self._touched(ref))

    async def plan(self, step: Step, subject: Subject, mark: str) -> Plan:
        """The requests of one step."""
        if step.kind is StepKind.REMOVE_NOTE:
            return await self._removing(step)
        back = step.kind is StepKind.HAND_BACK
        ref = step.params.get("conversation") if back else conversation_of(subject)
        if ref is None or not _NUMBER.fullmatch(ref):
            raise Refused("chatwoot: the lead has no conversation here", "no_record")
        talk = await self._talk(ref)
        if talk is None:
            raise Refused("chatwoot: the conversation was deleted", "gone")
        return (
            await self._noting(step, talk, mark)
            if step.kind is StepKind.ADD_NOTE
            else self._routing(step, talk, mark)
        )

    def ref(self, step: Step, answer: Answer) -> str:
        """Of a note its number; what is routed has the conversation's, which we know."""
        if step.kind is not StepKind.ADD_NOTE:
            return ""
        body = answer.body if isinstance(answer.body, dict) else {}
        message, talk = body.get("id"), body.get("conversation_id")
        if not isinstance(message, int) or not isinstance(talk, int):
            raise OutcomeUnknown("chatwoot: the answer names no message")
        return f"{talk}:{message}"

    async def found(self, note: Note, mark: str) -> str | None:
        """The id of what the step made, if its mark is there."""
        if note.kind is StepKind.ADD_NOTE:
            async for message in self._after(note.place, int(note.thing)):
                if _marked(message, mark):
                    return f"{note.place}:{message['id']}"
            return None
        if note.kind is StepKind.REMOVE_NOTE:
            message = await self._message(note.thing)
            return note.thing if message is None or _deleted(message) else None
        talk = await self._talk(note.place)
        if talk is None:
            return None
        return note.place if mark in str(talk.attributes.get(self._map.own["marks"], "")).split() else None

    async def check(self) -> list[str]:
        """What the account lacks for the field map, one line each; it is only read. Raises: Temporary, Refused."""
        teams = {str(one.get("id")) for one in _rows(await self._api.read(self._get("/teams")))}
        agents = {str(one.get("id")) for one in _rows(await self._api.read(self._get("/agents")))}
        labels = await self._api.read(self._get("/labels"))
        titles = {one.get("title") for one in _rows(_part(labels, "payload"))}
        wanted = self._map.own["label"]
        problems = [] if wanted in titles else [f"labels: create the label {wanted}"]
        for queue, team in self._map.queues.items():
            problems += (
                [] if team in teams else [f"teams: queue {queue} names team {team}, which is not there"]
            )
        for rep, agent in self._map.people.items():
            problems += (
                [] if agent in agents else [f"agents: rep {rep} names agent {agent}, who is not there"]
            )
        return problems

    async def _noting(self, step: Step, talk: _Talk, mark: str) -> Plan:
        newest = await self._messages(talk.id)
        there = next((one for one in newest if _marked(one, mark)), None)
        if there is not None:
            return Plan(talk.id, (), ref=f"{talk.id}:{there['id']}")
        last = max((int(one["id"]) for one in newest), default=0)
        words = "\n".join(
            f"{name.replace('_', ' ')}: {value}" for name, value in sorted(step.params.items()) if value
        )
        body = {"content": f"{words}\n\n{_MARK}{mark}", "message_type": "outgoing", "private": True}
        call = Call("POST", f"{self._root}/conversations/{talk.id}/messages", body)
        return Plan(talk.id, (call,), (("note", "", words.replace("\n", "; ")),), thing=str(last))

    async def _removing(self, step: Step) -> Plan:
        ref = step.params.get("ref", "")
        message = await self._message(ref) if _NOTE.fullmatch(ref) else None
        if message is None or not (_deleted(message) or _MARK in str(message.get("content"))):
            raise Refused("chatwoot: there is no such note of ours", "gone")
        talk, _, number = ref.partition(":")
        state = "removed" if _deleted(message) else "there"
        call = Call("DELETE", f"{self._root}/conversations/{talk}/messages/{number}")
        lines = ((ref, "there", "removed"),) if state == "there" else ()
        return Plan(talk, (call,), lines, {"state": state}, ref, ref, {"state": "removed"})

    def _routing(self, step: Step, talk: _Talk, mark: str) -> Plan:
        """Team, agent, priority, label, status, and last the attributes with the mark."""
        held = self._held(talk)
        always = {"status": "open", "label": self._map.own["label"]}
        writes, before = routed(step, held, talk.id, names=_ROUTED, always=always)
        news = {name: value for name, value in writes.items() if held[name] != value}
        calls = [call for name in news for call in self._call(talk, name, news[name], held[name])]
        attributes = {
            **talk.attributes,
            **({self._map.own["queue"]: news["queue"]} if "queue" in news else {}),
        }
        own = self._map.own["marks"]
        attributes[own] = with_mark(str(attributes.get(own, "")), mark, most=MAX_MARKS)
        path = f"{self._root}/conversations/{talk.id}/custom_attributes"
        calls.append(Call("POST", path, {"custom_attributes": attributes}))
        lines = [(f"conversation.{name}", old, new) for name, old, new in changed(before, writes)]
        return Plan(talk.id, calls, lines, before, talk.id, keeps=writes)

    def _held(self, talk: _Talk) -> dict[str, str]:
        """A conversation in our words. The queue is what we wrote, as long as its team is still the one it names."""
        queue = str(talk.attributes.get(self._map.own["queue"], ""))
        if self._map.queues.get(queue) != (talk.team or None):
            queue = next((ours for ours, team in self._map.queues.items() if team == talk.team), talk.team)
        label = self._map.own["label"]
        return {
            "owner": talk.owner, "priority": talk.priority, "queue": queue, "status": talk.status,
            "label": label if label in talk.labels else "",
        }  # fmt: skip

    def _call(self, talk: _Talk, name: str, value: str, old: str) -> Iterable[Call]:
        """The request that writes one of a conversation's values, which can be taken back."""
        path = f"{self._root}/conversations/{talk.id}"

        def made(value: str) -> Call:
            match name:
                case "queue":
                    return Call("POST", f"{path}/assignments", {"team_id": self._team(value)})
                case "owner":
                    return Call("POST", f"{path}/assignments", {"assignee_id": self._agent(value)})
                case "priority":
                    return Call("PATCH", path, {"priority": value if value in PRIORITIES else "none"})
                case "status":
                    return Call("POST", f"{path}/toggle_status", {"status": value})
                case _:
                    labels = [one for one in talk.labels if one != self._map.own["label"]]
                    return Call("POST", f"{path}/labels", {"labels": [*labels, *([value] if value else [])]})

        call = made(value)
        yield Call(call.method, call.path, call.body, back=made(old))

    def _team(self, queue: str) -> int:
        """Chatwoot's number of a team; 0 is none. Raises: Refused."""
        return _number(
            self._map.queues.get(queue, queue), "the queue has no team id in [queues] of the field map"
        )

    def _agent(self, rep: str) -> int:
        return _number(self._map.person(rep), "the rep has no agent id in [people] of the field map")

    async def _talk(self, ref: str) -> _Talk | None:
        body = await self._api.read(self._get(f"/conversations/{ref}"), absent=True)
        if body is None:
            return None
        meta, status, labels = _part(body, "meta"), _part(body, "status"), body.get("labels") or []
        attributes = body.get("custom_attributes") or {}
        if not isinstance(meta, dict) or not isinstance(attributes, dict) or not isinstance(labels, list):
            raise Temporary("chatwoot: the conversation cannot be read")
        agent = str((meta.get("assignee") or {}).get("id") or "")
        team = str((meta.get("team") or {}).get("id") or "")
        priority, texts = str(body.get("priority") or ""), tuple(str(one) for one in labels)
        return _Talk(
            ref, self._map.rep(agent) if agent else "", team, priority, str(status), texts, attributes
        )

    async def _touched(self, ref: str) -> int | None:
        """When a person of ours last wrote; our own notes and bots are none."""
        times = [
            int(one.get("created_at") or 0) * SECOND
            for one in await self._messages(ref)
            if one.get("message_type") == _OUTGOING
            and (one.get("sender") or {}).get("type") == "user"
            and _MARK not in str(one.get("content"))
            and not _deleted(one)
        ]
        return max(times, default=None)

    async def _messages(self, ref: str, after: int | None = None) -> list[dict[str, Any]]:
        """The newest messages, or those after one; the oldest first."""
        query = "" if after is None else f"?after={after}"
        body = await self._api.read(self._get(f"/conversations/{ref}/messages{query}"))
        rows = _rows(_part(body, "payload"))
        if not all(isinstance(one.get("id"), int) for one in rows):
            raise Temporary("chatwoot: a message has no number")
        return rows

    async def _after(self, ref: str, last: int) -> Any:
        """Every message after one, page by page. Raises: Temporary if there are too many."""
        for _ in range(PAGES):
            page = await self._messages(ref, last)
            for message in page:
                yield message
            if not page:
                return
            last = max(one["id"] for one in page)
        raise Temporary("chatwoot: too many messages since")

    async def _message(self, ref: str) -> dict[str, Any] | None:
        talk, _, number = ref.partition(":")
        page = await self._messages(talk, int(number) - 1)
        return next((one for one in page if one["id"] == int(number)), None)

    def _get(self, path: str) -> Call:
        return Call("GET", f"{self._root}{path}")


def _number(text: str, problem: str) -> int:
    if text and not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Refused(f"chatwoot: {problem}", "invalid")
    return int(text or 0)


def _marked(message: Mapping[str, Any], mark: str) -> bool:
    return str(message.get("content")).rstrip().endswith(f"{_MARK}{mark}")


def _deleted(message: Mapping[str, Any]) -> bool:
    return bool((message.get("content_attributes") or {}).get("deleted"))


def _part(body: Any, name: str) -> Any:
    value = body.get(name) if isinstance(body, dict) else None
    if value is None:
        raise Temporary(f"chatwoot: the answer holds no {name}")
    return value


def _rows(rows: Any) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Temporary("chatwoot: the answer is no list")
    return rows
