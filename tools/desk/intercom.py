"""Intercom: internal notes, the handing over of a conversation, and a word to its customer.

Intercom knows no idempotency keys. A note ends in the mark of its step; a handing over leaves its mark in an
attribute of the conversation, written last; a word to the customer carries none, so it is known by who wrote it and
when. Attributes are merged there, and a tag is added, so what others wrote stays; what a person did while we wrote
stands in the conversation, and is given back.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final

from domain.effect import Step, StepKind
from domain.errors import LeadgraphError, Refused, Temporary, Throttled
from domain.instants import SECOND
from domain.ports.target import Seen, Subject
from tools.beside import Start, Taken, unless_taken
from tools.desk_takes import TAKES, concerned, latest
from tools.field_map import FieldMap
from tools.marked import WAS, Plan, changed, routed
from tools.sent import Note, with_mark
from tools.telling import heard_at, left, silent_because
from tools.vendor import Answer, Api, Call, Manners

URL: Final = "https://api.intercom.io"
VERSION: Final = "2.15"
OWN: Final = ("marks", "queue", "priority", "tag")
"""What the field map must name besides."""
MAX_MARKS: Final = 12
"""An attribute holds 255 characters."""
CLOSED: Final = "closed"
WINDOW_S: Final = 10.0
"""Intercom counts requests in windows of this length."""
_ID: Final = re.compile(r"intercom:([0-9]{1,20})")
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_NOTE: Final = re.compile(r"([0-9]{1,20}):([0-9]{1,20})")
_MARK: Final = "leadgraph:"
_ROUTED: Final = ("owner", "priority", "queue", "status", "tag")


conversation_of: Final = partial(latest, named=_ID)
"""The lead's latest conversation, None if it has none here."""


@dataclass(frozen=True, slots=True)
class _Talk:
    """A conversation as it was read, with its newest parts and how many there are in all."""

    id: str
    held: Mapping[str, str]
    marks: str
    parts: tuple[Mapping[str, Any], ...]
    total: int

    def since(self, total: int) -> Sequence[Mapping[str, Any]]:
        """The parts that came after there were `total`, as far as they are shown."""
        return self.parts[-(self.total - total) :] if self.total > total else ()


class Intercom:
    """Satisfies `tools.marked.Vendor`."""

    name, takes = "intercom", TAKES

    def __init__(self, api: Api, fields: FieldMap, *, admin: int) -> None:
        """`admin` is Intercom's id of the admin in whose name we write."""
        self._api, self._map, self._admin = api, fields, str(admin)

    async def look(self, subject: Subject) -> Seen:
        """The latest conversation, with its admin, and when a person last wrote in it."""
        ref = conversation_of(subject)
        if ref is None:
            return Seen()
        talk = await self.read(ref)
        if talk is None:
            return Seen(gone=True)
        owner, closed = talk.held["owner"] or None, talk.held["status"] == CLOSED
        return Seen(exists=True, closed=closed, owner=owner, human_touch_at=self._touched(talk))

    async def plan(self, step: Step, subject: Subject, mark: str) -> Plan:
        """The requests of one step."""
        if step.kind is StepKind.REMOVE_NOTE:
            return await self._removing(step)
        ref = concerned(step, subject, _ID)
        if ref is None or not _NUMBER.fullmatch(ref):
            raise Refused("intercom: the lead has no conversation here", "no_record")
        talk = await self.read(ref, step)
        if talk is None:
            raise Refused("intercom: the conversation was deleted", "gone")
        if step.kind is StepKind.TELL_CUSTOMER:
            return self._telling(step, talk)
        return (
            self._noting(step, talk, mark)
            if step.kind is StepKind.ADD_NOTE
            else self._routing(step, talk, mark)
        )

    def ref(self, step: Step, answer: Answer) -> str:  # noqa: ARG002 - as the port has it
        """Nothing: the answer is the whole conversation, in which the mark is looked for."""
        return ""

    async def found(self, note: Note, mark: str) -> str | None:
        """The id of what the step made, if its mark is there; what we told the customer since is what it told."""
        ref = note.thing.partition(":")[0] if note.kind is StepKind.REMOVE_NOTE else note.place
        talk = await self.read(ref)
        if talk is None:
            return None
        if note.kind is StepKind.REMOVE_NOTE:
            part = _part(talk, note.thing)
            return note.thing if part is None or part.get("redacted") else None
        if note.kind not in (StepKind.ADD_NOTE, StepKind.TELL_CUSTOMER):
            return note.place if mark in talk.marks.split() else None
        tells, since = note.kind is StepKind.TELL_CUSTOMER, talk.since(int(note.thing))
        for part in since if tells else talk.parts:
            if self._is_told(part) if tells else f"{_MARK}{mark}" in str(part.get("body")):
                return f"{talk.id}:{part.get('id')}"
        if talk.total - int(note.thing) > len(talk.parts):
            raise Temporary("intercom: too many parts since")
        return None

    async def check(self) -> list[str]:
        """What the workspace lacks for the field map, one line each; it is only read. Raises: Temporary, Refused."""
        answer = await self._api.read(Call("GET", "/data_attributes?model=conversation"))
        names = {one.get("name") for one in _rows(answer, "data")}
        problems = [
            f"attributes: create the conversation attribute {self._map.own[ours]}"
            for ours in ("marks", "queue", "priority")
            if self._map.own[ours] not in names
        ]
        teams = {str(one.get("id")) for one in _rows(await self._api.read(Call("GET", "/teams")), "teams")}
        admins = {str(one.get("id")) for one in _rows(await self._api.read(Call("GET", "/admins")), "admins")}
        tags = {str(one.get("id")) for one in _rows(await self._api.read(Call("GET", "/tags")), "data")}
        wanted = [("tag", self._map.own["tag"], tags), ("our admin", self._admin, admins)]
        wanted += [(f"queue {queue}", team, teams) for queue, team in self._map.queues.items()]
        wanted += [(f"rep {rep}", admin, admins) for rep, admin in self._map.people.items()]
        missing = [
            f"{what} names {ref}, which is not there" for what, ref, there in wanted if ref not in there
        ]
        return problems + missing + self._map.ours(self._admin)

    def _noting(self, step: Step, talk: _Talk, mark: str) -> Plan:
        words = [f"{name.replace('_', ' ')}: {value}" for name, value in sorted(step.params.items()) if value]
        body = "".join(f"<p>{html.escape(line)}</p>" for line in [*words, f"{_MARK}{mark}"])
        note = {"message_type": "note", "type": "admin", "admin_id": self._admin, "body": body}
        call = Call("POST", f"/conversations/{talk.id}/reply", note)
        return Plan(talk.id, (call,), (("note", "", "; ".join(words)),), thing=str(talk.total))

    def _telling(self, step: Step, talk: _Talk) -> Plan:
        """The sentence, unless we have written to the customer since the last message that was heard."""
        heard = heard_at(step)
        told = [part for part in talk.parts if self._is_told(part) and _at(part) >= heard]
        if told:
            return Plan(talk.id, (), ref=f"{talk.id}:{told[-1].get('id')}")
        person_at, open_ = self._touched(talk), talk.held["status"] == "open"
        why = silent_because(step, owner=talk.held["owner"], open_=open_, person_at=person_at)
        if why is not None:
            return left(talk.id, why, thing=str(talk.total))
        text = step.params["tell"]
        body = {"message_type": "comment", "type": "admin", "admin_id": self._admin}
        call = Call(
            "POST", f"/conversations/{talk.id}/reply", {**body, "body": f"<p>{html.escape(text)}</p>"}
        )
        return Plan(talk.id, (call,), (("message", "", text),), thing=str(talk.total))

    async def _removing(self, step: Step) -> Plan:
        ref = step.params.get("ref", "")
        talk = await self.read(ref.partition(":")[0]) if _NOTE.fullmatch(ref) else None
        part = _part(talk, ref) if talk is not None else None
        if talk is None or part is None or not (part.get("redacted") or _MARK in str(part.get("body"))):
            raise Refused("intercom: there is no such note of ours", "gone")
        number = ref.partition(":")[2]
        body = {"type": "conversation_part", "conversation_id": talk.id, "conversation_part_id": number}
        state = "removed" if part.get("redacted") else "there"
        done = ((ref, "there", "removed"),) if state == "there" else ()
        calls = (Call("POST", "/conversations/redact", body),)
        return Plan(talk.id, calls, done, {"state": state}, ref, ref, {"state": "removed"})

    def _routing(self, step: Step, talk: _Talk, mark: str) -> Plan:
        """Team, admin, tag, state, and last the attributes with the mark."""
        always = {"status": "open", "tag": self._map.own["tag"]}
        writes, before = routed(step, talk.held, talk.id, names=_ROUTED, always=always)
        news = {name: value for name, value in writes.items() if talk.held[name] != value}
        calls = [call for name in news for call in self._calls(talk, name, news[name], talk.held[name])]
        attributes = {self._map.own[name]: news[name] for name in ("priority", "queue") if name in news}
        attributes[self._map.own["marks"]] = with_mark(talk.marks, mark, most=MAX_MARKS)
        calls.append(Call("PUT", f"/conversations/{talk.id}", {"custom_attributes": attributes}))
        lines = [(f"conversation.{name}", old, new) for name, old, new in changed(before, writes)]
        closed = talk.held["status"] == CLOSED
        start, watch = Start(talk.total, talk.held["owner"], closed), _Watch(self, talk, step)
        return Plan(talk.id, calls, lines, before, talk.id, start.text(), keeps=writes, watch=watch)

    def _calls(self, talk: _Talk, name: str, value: str, old: str) -> Iterable[Call]:
        """The request that writes one of a conversation's values and can be taken back; none for an attribute."""
        if name == "priority":
            return
        call = self._call(talk, name, value)
        yield Call(call.method, call.path, call.body, back=self._call(talk, name, old))

    def _call(self, talk: _Talk, name: str, value: str) -> Call:
        parts, by = f"/conversations/{talk.id}/parts", {"admin_id": self._admin}
        match name:
            case "queue":
                team = _number(self._map.queues.get(value, value), "the queue has no team id in [queues]")
                return Call(
                    "POST", parts, {"message_type": "assignment", "type": "team", "assignee_id": team, **by}
                )
            case "owner":
                admin = _number(self._map.person(value), "the rep has no admin id in [people]")
                return Call(
                    "POST", parts, {"message_type": "assignment", "type": "admin", "assignee_id": admin, **by}
                )
            case "tag":
                tags, tag = f"/conversations/{talk.id}/tags", self._map.own["tag"]
                return Call("POST", tags, {"id": tag, **by}) if value else Call("DELETE", f"{tags}/{tag}", by)
            case _:
                how = (
                    {"message_type": "open"}
                    if value == "open"
                    else {"message_type": "close", "type": "admin"}
                )
                return Call("POST", parts, {**how, **by})

    async def read(self, ref: str, step: Step | None = None) -> _Talk | None:
        """The conversation with this number as it is now, None if there is none; `step` says which queues are meant.

        Raises: Temporary.
        """
        body = await self._api.read(Call("GET", f"/conversations/{ref}"), absent=True)
        if body is None:
            return None
        listed = body.get("conversation_parts") if isinstance(body, dict) else None
        tags = (
            {str(one.get("id")) for one in _rows(body.get("tags") or {"tags": []}, "tags")}
            if listed
            else set()
        )
        parts = _rows(listed, "conversation_parts")
        attributes, team = body.get("custom_attributes") or {}, str(body.get("team_assignee_id") or "")
        wrote = str(attributes.get(self._map.own["queue"]) or "")
        meant = [step.params.get(name, "") for name in (f"{WAS}queue", "queue")] if step is not None else []
        admin, tag = str(body.get("admin_assignee_id") or ""), self._map.own["tag"]
        held = {
            "owner": self._map.rep(admin) if admin else "",
            "queue": self._map.queue(team, wrote, *meant),
            "priority": str(attributes.get(self._map.own["priority"]) or ""),
            "status": "open" if body.get("open") else CLOSED,
            "tag": tag if tag in tags else "",
        }
        marks = str(attributes.get(self._map.own["marks"]) or "")
        return _Talk(
            ref, held, marks, tuple(parts), int(listed.get("total_count") or len(parts)) if listed else 0
        )

    def judge(self, parts: Sequence[Mapping[str, Any]], now: _Talk, owner: str) -> None:
        """`parts` came since the step was first tried. Raises: Taken if a person's came before our first.

        `owner` is whom the step gives it to.
        """
        mine = next((n for n, part in enumerate(parts) if self._is_ours(part)), len(parts))
        theirs = [part for part in parts[:mine] if self._is_person(part.get("author"))]
        if not theirs:
            return
        given = [part.get("assigned_to") or {} for part in theirs]
        admins = [str(one.get("id")) for one in given if one.get("type") == "admin"]
        if now.held["owner"] == owner and admins and admins[-1] != self._map.person(owner):
            raise Taken(self._call(now, "owner", self._map.rep(admins[-1])), owner_stays=True)
        raise Taken(owner_stays=now.held["owner"] != owner or bool(admins))

    def _touched(self, talk: _Talk) -> int | None:
        """When a person of the desk last wrote; we are none."""
        written = [part for part in talk.parts if part.get("part_type") in ("comment", "note")]
        times = (_at(part) for part in written if self._is_person(part.get("author")))
        return max(times, default=None)

    def _is_ours(self, part: Mapping[str, Any]) -> bool:
        author = part.get("author")
        return (
            isinstance(author, dict)
            and author.get("type") == "admin"
            and str(author.get("id")) == self._admin
        )

    def _is_told(self, part: Mapping[str, Any]) -> bool:
        """If we wrote it to the customer."""
        return part.get("part_type") == "comment" and self._is_ours(part) and not part.get("redacted")

    def _is_person(self, author: Any) -> bool:
        """An admin who is not us; bots and contacts are none."""
        return (
            isinstance(author, dict)
            and author.get("type") == "admin"
            and str(author.get("id")) != self._admin
        )


@dataclass(slots=True)
class _Watch:
    """Satisfies `tools.beside.Watch`: looks before the first call, and before the last, which leaves the mark."""

    desk: Intercom
    talk: _Talk
    step: Step
    _begun: bool = False

    async def __call__(self, call: Call, note: Note) -> Call:
        last = call.method == "PUT"
        if self._begun and not last:
            return call
        now, start = await self.desk.read(self.talk.id, self.step), Start.of(note)
        if now is None:
            raise Refused("intercom: the conversation was deleted", "gone")
        over, owner = self.step.kind is StepKind.HAND_OVER, self.step.params.get("owner")
        if not self._begun:
            self._begun = True
            closed = now.held["status"] == CLOSED
            unless_taken(now.held["owner"], self.step, note, closed=closed)
            if now.held != self.talk.held:
                raise Temporary("intercom: the conversation was changed meanwhile")
        if last and over and owner is not None and owner != start.owner:
            self.desk.judge(now.since(start.newest), now, owner)
        return call


def _spare(answer: Answer) -> float:
    return _until_reset(answer) if answer.headers.get("x-ratelimit-remaining") == "0" else 0.0


def _explain(answer: Answer) -> LeadgraphError | None:
    return Throttled("intercom asks us to come later", _until_reset(answer)) if answer.status == 429 else None


def _until_reset(answer: Answer) -> float:
    """Seconds until Intercom counts anew, by its own clock; a window where it does not say."""
    reset, now = answer.headers.get("x-ratelimit-reset", ""), answer.headers.get("date", "")
    try:
        left = int(reset) - parsedate_to_datetime(now).timestamp()
    except (ValueError, TypeError):
        return WINDOW_S
    return min(max(left, 1.0), 3_600.0)


def _number(text: str, problem: str) -> str:
    """An id of Intercom's as it wants it; 0 is nobody. Raises: Refused."""
    if text and not _NUMBER.fullmatch(text):
        raise Refused(f"intercom: {problem} of the field map", "invalid")
    return text or "0"


def _at(part: Mapping[str, Any]) -> int:
    return int(part.get("created_at") or 0) * SECOND


def _part(talk: _Talk, ref: str) -> Mapping[str, Any] | None:
    number = ref.partition(":")[2]
    return next((part for part in talk.parts if str(part.get("id")) == number), None)


def _rows(body: Any, name: str) -> list[dict[str, Any]]:
    rows = body.get(name) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Temporary(f"intercom: the answer holds no {name}")
    return rows


def _headers(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "intercom-version": VERSION}


MANNERS: Final = Manners("intercom", _headers, explain=_explain, spare=_spare)
"""Intercom's."""
