"""Zendesk: internal comments, the handing over of a ticket, and a word to its customer.

Zendesk honours an idempotency key only where a ticket is made, which we never do. A comment ends in the mark of its
step; a handing over leaves its mark in a custom field, written last; a word to the customer carries none, so it is
known by who wrote it and when. Tags are added and removed one by one, and the
other values are written only if nobody has changed the ticket since it was read.
"""

import base64
import html
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from domain.effect import Step, StepKind
from domain.errors import LeadgraphError, Refused, Temporary, Throttled
from domain.instants import instant
from domain.ports.target import Seen, Subject
from tools.beside import Start, unless_taken
from tools.desk.zendesk.reading import (
    DONE,
    NAMED,
    STAFF,
    Ticket,
    Tickets,
    at_of,
    body_of,
    part,
    role_of,
    told_by,
)
from tools.desk_takes import TAKES, concerned, latest
from tools.field_map import FieldMap
from tools.marked import Plan, changed, routed
from tools.sent import Note, with_mark
from tools.telling import heard_at, left, silent_because
from tools.vendor import Answer, Api, Call, Manners
from tools.waits import Rate

OWN: Final = ("marks", "queue", "label")
"""What the field map must name besides: two ticket fields by their titles, and a tag."""
MAX_MARKS: Final = 16
UPDATES: Final = Rate(2, 10)
"""Of one ticket: Zendesk takes 30 from one user within ten minutes, whenever these begin."""
WINDOW_S: Final = 60.0
"""Zendesk counts requests by the minute."""
PRIORITIES: Final = frozenset({"urgent", "high", "normal", "low"})
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_NOTE: Final = re.compile(r"([0-9]{1,15}):([0-9]{1,18})")
_TEXT: Final = re.compile(r">([^<>]+)<")
_MARK: Final = "leadgraph:"
_LEFT: Final = ("ratelimit-remaining", "x-rate-limit-remaining")
_OF_KIND: Final = "zendesk-ratelimit-"
"""How the names of headers begin that count requests of one kind, as in ``total=100; remaining=99; resets=41``."""
_NONE_LEFT: Final = re.compile(r"\bremaining=0\b")
_STRUCK: Final = "▇"
"""What stands in place of a text that was redacted."""
_ROUTED: Final = ("owner", "priority", "queue", "status", "label")


conversation_of: Final = partial(latest, named=NAMED)
"""The lead's latest ticket, None if it has none here."""


class Zendesk:
    """Satisfies `tools.marked.Vendor`."""

    name, takes = "zendesk", TAKES

    def __init__(self, api: Api, tickets: Tickets, fields: FieldMap) -> None:
        self._api, self._tickets, self._map = api, tickets, fields

    async def look(self, subject: Subject) -> Seen:
        """The latest ticket, with its agent, and when a person last wrote in it."""
        ref = conversation_of(subject)
        if ref is None:
            return Seen()
        ticket = await self._tickets.ticket(ref)
        if ticket is None:
            return Seen(gone=True)
        owner, closed = ticket.held["owner"] or None, ticket.status in DONE
        return Seen(exists=True, closed=closed, owner=owner, human_touch_at=await self._touched(ref))

    async def plan(self, step: Step, subject: Subject, mark: str) -> Plan:
        """The requests of one step. Each is an update of the ticket, but for the removing of a note."""
        if step.kind is StepKind.REMOVE_NOTE:
            return await self._removing(step)
        plan = await self._updating(step, subject, mark)
        if not plan.calls:
            return plan
        return replace(plan, room=lambda: self._api.room(f"ticket:{plan.place}", UPDATES, len(plan.calls)))

    async def _updating(self, step: Step, subject: Subject, mark: str) -> Plan:
        ref = concerned(step, subject, NAMED)
        if ref is None or not _NUMBER.fullmatch(ref):
            raise Refused("zendesk: the lead has no ticket here", "no_record")
        ticket = await self._tickets.ticket(ref)
        if ticket is None:
            raise Refused("zendesk: the ticket was deleted", "gone")
        if ticket.status == "closed":
            raise Refused("zendesk: the ticket is closed, and Zendesk changes it no more", "closed")
        if step.kind is StepKind.TELL_CUSTOMER:
            return await self._telling(step, ticket)
        if step.kind is StepKind.ADD_NOTE:
            return await self._noting(step, ticket, mark)
        return await self._routing(step, ticket, mark)

    def ref(self, step: Step, answer: Answer) -> str:
        """Of a comment its number, where the answer says it; what is routed has the ticket's, which we know."""
        body = answer.body if isinstance(answer.body, dict) else {}
        ticket = str((body.get("ticket") or {}).get("id") or "")
        if step.kind not in (StepKind.ADD_NOTE, StepKind.TELL_CUSTOMER):
            return ""
        events = (body.get("audit") or {}).get("events") or []
        made = [one.get("id") for one in events if one.get("type") == "Comment"]
        return f"{ticket}:{made[0]}" if ticket and made and made[0] else ""

    async def found(self, note: Note, mark: str) -> str | None:
        """The id of what the step made, if its mark is there; what we told the customer since is what it told."""
        if note.kind in (StepKind.ADD_NOTE, StepKind.TELL_CUSTOMER):
            us, tells = await self._tickets.us(), note.kind is StepKind.TELL_CUSTOMER
            async for one in self._tickets.comments(note.place, until=note.thing):
                if told_by(one, us) if tells else f"{_MARK}{mark}" in body_of(one):
                    return f"{note.place}:{one['id']}"
            return None
        if note.kind is StepKind.REMOVE_NOTE:
            comment = await self._tickets.comment(note.thing)
            return note.thing if comment is None or _MARK not in body_of(comment) else None
        ticket = await self._tickets.ticket(note.place)
        return note.place if ticket is not None and mark in ticket.marks.split() else None

    async def check(self) -> list[str]:
        """What the account lacks for the field map, one line each; it is only read. Raises: Temporary, Refused."""
        us, ids = await self._tickets.us(), await self._tickets.fields()
        problems = [
            f"ticket fields: create the text field {self._map.own[ours]}"
            for ours in ("marks", "queue")
            if self._map.own[ours] not in ids
        ]
        groups = {str(one.get("id")) for one in await self._tickets.listed("/api/v2/groups", "groups")}
        for queue, group in self._map.queues.items():
            if group not in groups:
                problems.append(f"groups: queue {queue} names group {group}, which is not there")
        for rep, agent in self._map.people.items():
            user = await self._api.read(Call("GET", f"/api/v2/users/{quote(agent, safe='')}"), absent=True)
            if user is None or part(user, "user").get("role") not in STAFF:
                problems.append(f"agents: rep {rep} names agent {agent}, who is not there")
        return problems + self._map.ours(us)

    async def _noting(self, step: Step, ticket: Ticket, mark: str) -> Plan:
        newest = (await self._tickets.page(ticket.id, ""))[0]
        there = next((one for one in newest if f"{_MARK}{mark}" in body_of(one)), None)
        if there is not None:
            return Plan(ticket.id, (), ref=f"{ticket.id}:{there['id']}")
        words = [f"{name.replace('_', ' ')}: {value}" for name, value in sorted(step.params.items()) if value]
        lines = "".join(f"<p>{html.escape(line)}</p>" for line in [*words, f"{_MARK}{mark}"])
        call = _put(ticket.id, {"comment": {"html_body": lines, "public": False}})
        last = str(newest[0]["id"]) if newest else ""
        return Plan(ticket.id, (call,), (("note", "", "; ".join(words)),), thing=last)

    async def _telling(self, step: Step, ticket: Ticket) -> Plan:
        """The sentence, unless we have written to the customer since the last message that was heard."""
        us, heard, newest = await self._tickets.us(), heard_at(step), ""
        person_at: int | None = None
        async for one in self._tickets.comments(ticket.id):
            at, newest = instant(at_of(one)), newest or str(one["id"])
            if at < heard:
                break
            if told_by(one, us):
                return Plan(ticket.id, (), ref=f"{ticket.id}:{one['id']}")
            person_at = max(person_at or 0, at) if role_of(one, us) == "agent" else person_at
        open_ = ticket.status not in DONE
        why = silent_because(step, owner=ticket.held["owner"], open_=open_, person_at=person_at)
        if why is not None:
            return left(ticket.id, why, thing=newest)
        text = step.params["tell"]
        comment = {"html_body": f"<p>{html.escape(text)}</p>", "public": True}
        call = _put(ticket.id, {"comment": comment, "safe_update": True, "updated_stamp": ticket.stamp})
        return Plan(ticket.id, (call,), (("message", "", text),), thing=newest)

    async def _removing(self, step: Step) -> Plan:
        """A comment cannot be deleted, so all of its text is redacted."""
        ref = step.params.get("ref", "")
        comment = await self._tickets.comment(ref) if _NOTE.fullmatch(ref) else None
        ours = comment is not None and str(comment.get("author_id")) == await self._tickets.us()
        if comment is None or not ours or comment.get("public") or not _is_note(comment):
            raise Refused("zendesk: there is no such note of ours", "gone")
        ticket, _, number = ref.partition(":")
        body = {"ticket_id": int(ticket), "html_body": struck(str(comment.get("html_body")))}
        state = "there" if _MARK in body_of(comment) else "removed"
        lines = ((ref, "there", "removed"),) if state == "there" else ()
        call = Call("PUT", f"/api/v2/comment_redactions/{number}", body)
        return Plan(ticket, (call,), lines, {"state": state}, ref, ref, {"state": "removed"})

    async def _routing(self, step: Step, ticket: Ticket, mark: str) -> Plan:
        """Group, agent, priority and status at once if the ticket is as it was read; the tag; last the mark."""
        ids, own = await self._tickets.fields(), self._map.own
        for title in (own["marks"], own["queue"]):
            if title not in ids:
                raise Refused(f"zendesk: there is no ticket field {title}", "invalid")
        always = {"status": "open", "label": own["label"]}
        writes, before = routed(step, ticket.held, ticket.id, names=_ROUTED, always=always)
        news = {name: value for name, value in writes.items() if ticket.held[name] != value}
        calls = []
        if values := {name: value for name, value in news.items() if name != "label"}:
            old = self._values({name: ticket.held[name] for name in values}, ids)
            safe = {"safe_update": True, "updated_stamp": ticket.stamp}
            calls.append(_put(ticket.id, {**self._values(values, ids), **safe}, back=_put(ticket.id, old)))
        if "label" in news:
            path, tag = f"/api/v2/tickets/{ticket.id}/tags", {"tags": [own["label"]]}
            ways = ("PUT", "DELETE") if news["label"] else ("DELETE", "PUT")
            calls.append(Call(ways[0], path, tag, back=Call(ways[1], path, tag)))
        marks = with_mark(ticket.marks, mark, most=MAX_MARKS)
        calls.append(_put(ticket.id, {"custom_fields": [{"id": ids[own["marks"]], "value": marks}]}))
        lines = [(f"conversation.{name}", old, new) for name, old, new in changed(before, writes)]
        owner, closed = ticket.held["owner"], ticket.status in DONE

        async def watch(call: Call, note: Note) -> Call:
            unless_taken(owner, step, note, closed=closed)
            return call

        start = Start(0, owner, closed).text()
        return Plan(ticket.id, calls, lines, before, ticket.id, start, keeps=writes, watch=watch)

    def _values(self, ours: Mapping[str, str], ids: Mapping[str, int]) -> dict[str, Any]:
        """Our values as a ticket holds them. Raises: Refused for what Zendesk does not know."""
        made: dict[str, Any] = {}
        for name, value in ours.items():
            match name:
                case "queue":
                    made["group_id"] = _number(self._map.queues.get(value, value), "queue", "group", "queues")
                    made["custom_fields"] = [{"id": ids[self._map.own["queue"]], "value": value}]
                case "owner":
                    made["assignee_id"] = _number(self._map.person(value), "rep", "agent", "people")
                case "priority":
                    if value and value not in PRIORITIES:
                        raise Refused("zendesk: there is no such priority", "invalid")
                    made["priority"] = value or None
                case _:
                    made["status"] = "open" if value == "new" else value  # none can be new again
        return made

    async def _touched(self, ref: str) -> int | None:
        """When a person of the desk last wrote; our own comments, triggers and customers are none."""
        us = await self._tickets.us()
        async for one in self._tickets.comments(ref):
            if role_of(one, us) == "agent":
                return instant(at_of(one))
        return None


def struck(body: str) -> str:
    """HTML with every text in it marked as to be redacted.

    >>> struck("<div><p>Hi <b>Bob</b></p></div>")
    '<div><p><redact>Hi </redact><b><redact>Bob</redact></b></p></div>'
    """
    return _TEXT.sub(r"><redact>\1</redact><", body)


def _put(ticket: str, values: Mapping[str, Any], *, back: Call | None = None) -> Call:
    return Call("PUT", f"/api/v2/tickets/{ticket}", {"ticket": dict(values)}, back=back)


def _number(text: str, ours: str, theirs: str, table: str) -> int | None:
    """Zendesk's id, None for nobody. Raises: Refused."""
    if text and not _NUMBER.fullmatch(text):
        raise Refused(f"zendesk: the {ours} has no {theirs} id in [{table}] of the field map", "invalid")
    return int(text) if text else None


def _is_note(comment: Mapping[str, Any]) -> bool:
    return _MARK in body_of(comment) or _STRUCK in body_of(comment)


def _spare(answer: Answer) -> float:
    """Until the count begins anew, if no request is left."""
    spare = (answer.headers.get(name) for name in _LEFT)
    reset = answer.headers.get("ratelimit-reset", "")
    if "0" not in spare:
        return 0.0
    return float(reset) if reset.isascii() and reset.isdigit() and len(reset) <= 5 else WINDOW_S


def _explain(answer: Answer) -> LeadgraphError | None:
    """A conflict is no refusal: somebody changed the ticket meanwhile, so it is looked at again.

    Of too many requests the account's count speaks first: if some are left, it is the ticket that has had enough, or
    requests of this kind, whose count then says so.
    """
    if answer.status == 409:
        return Temporary("zendesk: the ticket was changed meanwhile")
    left = [one for one in (answer.headers.get(name) for name in _LEFT) if one]
    kind = any(_NONE_LEFT.search(text) for name, text in answer.headers.items() if name.startswith(_OF_KIND))
    if answer.status != 429 or not left or "0" in left or kind:
        return None
    wait = answer.headers.get("retry-after", "")
    seconds = float(wait) if wait.isascii() and wait.isdigit() and len(wait) <= 5 else WINDOW_S
    return Throttled("zendesk: the ticket was changed too often", seconds, code="record")


def _headers(token: str) -> dict[str, str]:
    """An API token goes with its user (``email/token:…``), one of OAuth alone."""
    if "/token:" in token:
        return {"authorization": f"Basic {base64.b64encode(token.encode()).decode()}"}
    return {"authorization": f"Bearer {token}"}


MANNERS: Final = Manners("zendesk", _headers, explain=_explain, spare=_spare)
"""Zendesk's."""
