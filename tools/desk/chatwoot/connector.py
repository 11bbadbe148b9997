"""Chatwoot: private notes, the handing over of a conversation, and a word to its customer.

Chatwoot knows no idempotency keys. A note ends in the mark of its step; a handing over leaves its mark in an
attribute of the conversation, written last; a word to the customer carries none, so it is known by who wrote it and
when. Labels and attributes are replaced as a whole there, so they are read right before, added to and written back.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from domain.effect import Step, StepKind
from domain.errors import OutcomeUnknown, Refused
from domain.ports.target import Seen, Subject
from tools.beside import Start
from tools.desk.chatwoot.reading import (
    DONE,
    MARK,
    Account,
    Conversation,
    at_of,
    by_person,
    deleted,
    part,
    rows_of,
    told_by_us,
)
from tools.desk.chatwoot.watching import ATTRIBUTES, LABELS, STATUS, Watch
from tools.desk_takes import TAKES, concerned, latest
from tools.field_map import FieldMap
from tools.marked import WAS, Plan, changed, routed
from tools.sent import Note, with_mark
from tools.telling import heard_at, left, silent_because
from tools.vendor import Answer, Api, Call

OWN: Final = ("marks", "queue", "label")
"""What the field map must name besides."""
MAX_MARKS: Final = 16
PRIORITIES: Final = frozenset({"urgent", "high", "medium", "low"})
_ID: Final = re.compile(r"chatwoot:([0-9]{1,15})")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_NOTE: Final = re.compile(r"([0-9]{1,15}):([0-9]{1,15})")
_ROUTED: Final = ("owner", "priority", "queue", "status", "label")


conversation_of: Final = partial(latest, named=_ID)
"""The lead's latest conversation, None if it has none here."""


class Chatwoot:
    """Satisfies `tools.marked.Vendor`."""

    name, takes = "chatwoot", TAKES

    def __init__(self, api: Api, fields: FieldMap, *, account: int) -> None:
        """`account` is the number in the address of the account."""
        self._api, self._map = api, fields
        self._read = Account(api, fields, account=account)

    async def look(self, subject: Subject) -> Seen:
        """The latest conversation, with its agent, and when a person last wrote in it."""
        ref = conversation_of(subject)
        if ref is None:
            return Seen()
        talk = await self._read.conversation(ref)
        if talk is None:
            return Seen(gone=True)
        touched, closed = await self._touched(ref), talk.status == DONE
        return Seen(exists=True, closed=closed, owner=talk.owner or None, human_touch_at=touched)

    async def plan(self, step: Step, subject: Subject, mark: str) -> Plan:
        """The requests of one step."""
        if step.kind is StepKind.REMOVE_NOTE:
            return await self._removing(step)
        ref = concerned(step, subject, _ID)
        if ref is None or not _NUMBER.fullmatch(ref):
            raise Refused("chatwoot: the lead has no conversation here", "no_record")
        talk = await self._read.conversation(ref)
        if talk is None:
            raise Refused("chatwoot: the conversation was deleted", "gone")
        if step.kind is StepKind.ADD_NOTE:
            return await self._noting(step, talk, mark)
        if step.kind is StepKind.TELL_CUSTOMER:
            return await self._telling(step, talk)
        return await self._routing(step, talk, mark)

    def ref(self, step: Step, answer: Answer) -> str:
        """Of a message its number; what is routed has the conversation's, which we know."""
        if step.kind not in (StepKind.ADD_NOTE, StepKind.TELL_CUSTOMER):
            return ""
        body = answer.body if isinstance(answer.body, dict) else {}
        message, talk = body.get("id"), body.get("conversation_id")
        if not isinstance(message, int) or not isinstance(talk, int):
            raise OutcomeUnknown("chatwoot: the answer names no message")
        return f"{talk}:{message}"

    async def found(self, note: Note, mark: str) -> str | None:
        """The id of what the step made, if its mark is there; what we told the customer since is what it told."""
        if note.kind in (StepKind.ADD_NOTE, StepKind.TELL_CUSTOMER):
            us, tells = await self._read.us(), note.kind is StepKind.TELL_CUSTOMER
            async for message in self._read.after(note.place, int(note.thing)):
                if told_by_us(message, us) if tells else _marked(message, mark):
                    return f"{note.place}:{message['id']}"
            return None
        if note.kind is StepKind.REMOVE_NOTE:
            message = await self._read.message(note.thing)
            return note.thing if message is None or deleted(message) else None
        talk = await self._read.conversation(note.place)
        if talk is None:
            return None
        return note.place if mark in str(talk.attributes.get(self._map.own["marks"], "")).split() else None

    async def check(self) -> list[str]:
        """What the account lacks for the field map, one line each; it is only read. Raises: Temporary, Refused."""
        teams = {str(one.get("id")) for one in rows_of(await self._api.read(self._read.get("/teams")))}
        agents = {str(one.get("id")) for one in rows_of(await self._api.read(self._read.get("/agents")))}
        labels = await self._api.read(self._read.get("/labels"))
        titles = {one.get("title") for one in rows_of(part(labels, "payload"))}
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
        return problems + self._map.ours((await self._read.us()).id)

    async def _noting(self, step: Step, talk: Conversation, mark: str) -> Plan:
        newest = await self._read.messages(talk.id)
        there = next((one for one in newest if _marked(one, mark)), None)
        if there is not None:
            return Plan(talk.id, (), ref=f"{talk.id}:{there['id']}")
        words = "\n".join(
            f"{name.replace('_', ' ')}: {value}" for name, value in sorted(step.params.items()) if value
        )
        body = {"content": f"{words}\n\n{MARK}{mark}", "message_type": "outgoing", "private": True}
        call = Call("POST", f"{self._path(talk)}/messages", body)
        lines = (("note", "", words.replace("\n", "; ")),)
        return Plan(talk.id, (call,), lines, thing=str(_newest(newest)))

    async def _telling(self, step: Step, talk: Conversation) -> Plan:
        """The sentence, unless we have written to the customer since the last message that was heard."""
        us, heard = await self._read.us(), heard_at(step)
        rows = await self._read.since(talk.id, heard)
        told = [row for row in rows if told_by_us(row, us) and at_of(row) >= heard]
        if told:
            return Plan(talk.id, (), ref=f"{talk.id}:{told[-1]['id']}")
        touched = max((at_of(row) for row in rows if by_person(row, us)), default=None)
        why = silent_because(step, owner=talk.owner, open_=talk.status != DONE, person_at=touched)
        if why is not None:
            return left(talk.id, why, thing=str(_newest(rows)))
        text = step.params["tell"]
        body = {"content": text, "message_type": "outgoing", "private": False}
        call = Call("POST", f"{self._path(talk)}/messages", body)
        return Plan(talk.id, (call,), (("message", "", text),), thing=str(_newest(rows)))

    async def _removing(self, step: Step) -> Plan:
        ref = step.params.get("ref", "")
        message = await self._read.message(ref) if _NOTE.fullmatch(ref) else None
        if message is None or not (deleted(message) or MARK in str(message.get("content"))):
            raise Refused("chatwoot: there is no such note of ours", "gone")
        talk, _, number = ref.partition(":")
        state = "removed" if deleted(message) else "there"
        call = Call("DELETE", f"{self._read.root}/conversations/{talk}/messages/{number}")
        lines = ((ref, "there", "removed"),) if state == "there" else ()
        return Plan(talk, (call,), lines, {"state": state}, ref, ref, {"state": "removed"})

    async def _routing(self, step: Step, talk: Conversation, mark: str) -> Plan:
        """Team, agent, priority, label, status, and last the attributes with the mark."""
        held = self._held(talk, step)
        always = {"status": "open", "label": self._map.own["label"]}
        writes, before = routed(step, held, talk.id, names=_ROUTED, always=always)
        news = {name: value for name, value in writes.items() if held[name] != value}
        remaking = _Remaking(self._path(talk), self._map, mark, news)
        calls = [call for name in news for call in self._call(talk, name, news[name], held[name], remaking)]
        calls.append(remaking.attributes(talk))
        lines = [(f"conversation.{name}", old, new) for name, old, new in changed(before, writes)]
        newest = _newest(await self._read.messages(talk.id))
        agent = self._map.person(step.params.get("owner", ""))
        watch = Watch(self._read, talk, remaking, step, agent, newest)
        start = Start(newest, talk.owner, talk.status == DONE).text()
        return Plan(talk.id, calls, lines, before, talk.id, start, keeps=writes, watch=watch)

    def _held(self, talk: Conversation, step: Step) -> dict[str, str]:
        """A conversation in our words. Of the queues of its team it is in the one we wrote, or that the step names."""
        wrote, names = str(talk.attributes.get(self._map.own["queue"], "")), (f"{WAS}queue", "queue")
        queue = self._map.queue(talk.team, wrote, *(step.params.get(name, "") for name in names))
        label = self._map.own["label"]
        return {
            "owner": talk.owner, "priority": talk.priority, "queue": queue, "status": talk.status,
            "label": label if label in talk.labels else "",
        }  # fmt: skip

    def _call(
        self, talk: Conversation, name: str, value: str, old: str, remaking: "_Remaking"
    ) -> Iterable[Call]:
        """The request that writes one of a conversation's values, which can be taken back."""
        if name == "label":
            yield remaking.labels(talk)
            return
        path = self._path(talk)

        def made(value: str) -> Call:
            match name:
                case "queue":
                    return Call("POST", f"{path}/assignments", {"team_id": self._team(value)})
                case "owner":
                    return remaking.give(self._map.person(value))
                case "priority":
                    return Call("PATCH", path, {"priority": value if value in PRIORITIES else "none"})
                case _:
                    return Call("POST", f"{path}{STATUS}", {"status": value})

        call = made(value)
        yield Call(call.method, call.path, call.body, back=made(old))

    def _path(self, talk: Conversation) -> str:
        return f"{self._read.root}/conversations/{talk.id}"

    def _team(self, queue: str) -> int:
        """Chatwoot's number of a team; 0 is none. Raises: Refused."""
        return _number(
            self._map.queues.get(queue, queue), "the queue has no team id in [queues] of the field map"
        )

    async def _touched(self, ref: str) -> int | None:
        """When a person of the desk last wrote; our own notes and bots are none."""
        us = await self._read.us()
        times = (at_of(row) for row in await self._read.messages(ref) if by_person(row, us))
        return max(times, default=None)


@dataclass(frozen=True, slots=True)
class _Remaking:
    """Satisfies `tools.desk.chatwoot.watching.Remaking`. `news` is what the step writes."""

    path: str
    fields: FieldMap
    mark: str
    news: Mapping[str, str]

    def labels(self, talk: Conversation) -> Call:
        own, value = self.fields.own["label"], self.news["label"]
        others = [one for one in talk.labels if one != own]
        new, old = ([*others, *([own] if ours else [])] for ours in (value, own in talk.labels))
        path = f"{self.path}{LABELS}"
        return Call("POST", path, {"labels": new}, back=Call("POST", path, {"labels": old}))

    def attributes(self, talk: Conversation) -> Call:
        own = self.fields.own
        ours: dict[str, Any] = {own["queue"]: self.news["queue"]} if "queue" in self.news else {}
        marks = with_mark(str(talk.attributes.get(own["marks"], "")), self.mark, most=MAX_MARKS)
        body = {"custom_attributes": {**talk.attributes, **ours, own["marks"]: marks}}
        return Call("POST", f"{self.path}{ATTRIBUTES}", body)

    def give(self, agent: str) -> Call:
        number = _number(agent, "the rep has no agent id in [people] of the field map")
        return Call("POST", f"{self.path}/assignments", {"assignee_id": number})


def _newest(rows: Iterable[Mapping[str, Any]]) -> int:
    return max((int(row["id"]) for row in rows), default=0)


def _number(text: str, problem: str) -> int:
    if text and not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Refused(f"chatwoot: {problem}", "invalid")
    return int(text or 0)


def _marked(message: Mapping[str, Any], mark: str) -> bool:
    return str(message.get("content")).rstrip().endswith(f"{MARK}{mark}")
