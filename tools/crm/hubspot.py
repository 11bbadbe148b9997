"""HubSpot: fields and owner of a contact, tasks and notes beside it.

A contact is found by HubSpot's id, or by the property that holds our id of the lead. HubSpot knows no idempotency
keys: a task or note carries the mark of its step in a property with unique values, a contact the marks of the last
writes, written together with the fields.
"""

import asyncio
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from domain.effect import Step, StepKind
from domain.errors import LeadgraphError, OutcomeUnknown, Refused, Temporary, Throttled
from domain.instants import Instant, instant, iso
from domain.ports.clock import Clock
from domain.ports.target import Seen, Subject
from domain.signal import KeyKind
from tools.field_map import FieldMap
from tools.marked import NEW, Plan, changed, merged
from tools.sent import Note, Sent, with_mark
from tools.vendor import Answer, Api, Call, Manners

URL: Final = "https://api.hubapi.com"
OWN: Final = ("lead", "marks", "key")
"""What the field map must name besides."""
TAKES: Final = frozenset({
    StepKind.SET_FIELDS, StepKind.SET_OWNER, StepKind.CREATE_TASK, StepKind.CLOSE_TASK, StepKind.ADD_NOTE,
    StepKind.REMOVE_NOTE,
})  # fmt: skip
MAX_MARKS: Final = 16
MAX_TASKS: Final = 100
"""Tasks of a contact that are looked at, as many as HubSpot reads at once."""
_CONTACTS: Final = "/crm/v3/objects/contacts"
_READS: Final = ("hs_last_sales_activity_timestamp", "hs_email_optout")
_ID: Final = re.compile(r"hubspot:([0-9]{1,20})")
"""A bare number may be another system's."""
_PAUSE_S: Final[Mapping[str, float]] = {"DAILY": 3_600.0, "SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0}
"""By the policy that a refusal for too many requests names."""
_CODES: Final[Mapping[str, str]] = {
    "OBJECT_NOT_FOUND": "gone",
    "VALIDATION_ERROR": "invalid",
    "CONFLICT": "conflict",
}
_KINDS: Final = {StepKind.CREATE_TASK: "tasks", StepKind.ADD_NOTE: "notes"}
_TEXTS: Final = frozenset({"string", "number", "enumeration"})


@dataclass(frozen=True, slots=True)
class _Contact:
    """A contact as it was read; `known` is the id by which we asked, another one if it was merged since."""

    id: str
    known: str
    held: Mapping[str, str]
    tasks: tuple[str, ...]

    @property
    def merged_into(self) -> str | None:
        return self.id if self.id != self.known else None


class HubSpot:
    """Satisfies `tools.marked.Vendor`."""

    name, takes = "hubspot", TAKES

    def __init__(self, api: Api, fields: FieldMap, sent: Sent, clock: Clock, *, create: bool = False) -> None:
        """With `create` a lead that has no contact gets one that holds our id of it and nothing else."""
        self._api, self._map, self._sent, self._clock, self._create = api, fields, sent, clock, create
        self._types: dict[str, int] = {}
        self._asking = asyncio.Lock()

    async def look(self, subject: Subject) -> Seen:
        """The contact as it is now."""
        contact = await self._contact(subject)
        if contact is None:
            return Seen()
        owner = contact.held.get(self._map.owner.get("owner", ""), "")
        ours = {name: contact.held.get(theirs, "") for name, theirs in self._map.fields.items()}
        return Seen(
            exists=True,
            merged_into=contact.merged_into,
            owner=self._map.rep(owner) if owner else None,
            human_touch_at=_when(contact.held.get(_READS[0], "")),
            do_not_contact=contact.held.get(_READS[1]) == "true",
            fields={name: value for name, value in ours.items() if value},
            open_tasks=await self._open(contact.tasks),
        )

    async def plan(self, step: Step, subject: Subject, mark: str) -> Plan:
        """The requests of one step."""
        if step.kind in (StepKind.SET_FIELDS, StepKind.SET_OWNER):
            self._map.named(step.kind, step.params)
        contact = await self._contact(subject)
        create = None if contact is not None else self._creation(step, subject)
        contact = contact or _Contact(NEW, NEW, {}, ())
        match step.kind:
            case StepKind.SET_FIELDS | StepKind.SET_OWNER:
                plan = self._writing(step, contact, mark)
            case StepKind.CREATE_TASK | StepKind.ADD_NOTE:
                plan = await self._adding(step, contact, mark)
            case _:
                plan = await self._closing(step, contact)
        moved = {"merged_into": contact.id} if contact.merged_into else {}
        return replace(plan, before={**plan.before, **moved}, create=create)

    def ref(self, step: Step, answer: Answer) -> str:
        """The id that HubSpot gave. A batch is done only if nothing of it failed (207 = in part)."""
        body = answer.body if isinstance(answer.body, dict) else {}
        errors = body.get("errors")
        if answer.status == 207 or errors:
            raise _failed(errors)
        results = body.get("results")
        made = results[0] if isinstance(results, list) and results and isinstance(results[0], dict) else body
        found = made.get("id")
        if not isinstance(found, str) and step.kind is not StepKind.REMOVE_NOTE:
            raise OutcomeUnknown("hubspot: the answer names no id")
        return found if isinstance(found, str) else ""

    async def found(self, note: Note, mark: str) -> str | None:
        """The id of what the step made, if its mark is there."""
        if note.kind in _KINDS:
            query = f"?idProperty={self._map.own['key']}"
            made = await self._api.read(
                Call("GET", f"/crm/v3/objects/{_KINDS[note.kind]}/{mark}{query}"), absent=True
            )
            return None if made is None else _text(made, "id")
        if note.kind is StepKind.REMOVE_NOTE:
            there = await self._thing("notes", note.thing)
            return note.thing if there is None else None
        if note.kind is StepKind.CLOSE_TASK:
            task = await self._thing("tasks", note.thing)
            return note.thing if task is None or _done(task) else None
        record = await self._get(note.place)
        if record is None:
            return None
        return record.id if mark in record.held.get(self._map.own["marks"], "").split() else None

    async def check(self) -> list[str]:
        """What the account lacks for the field map, one line each; it is only read. Raises: Temporary, Refused."""
        own = self._map.own
        needed = {
            "contacts": {**self._map.fields, **self._map.owner, "lead": own["lead"], "marks": own["marks"]},
            "tasks": {"key": own["key"]},
            "notes": {"key": own["key"]},
        }
        problems = []
        for kind, names in needed.items():
            answer = await self._api.read(Call("GET", f"/crm/v3/properties/{kind}"))
            there = {one["name"]: one for one in _rows(answer, "results") if isinstance(one.get("name"), str)}
            problems += [line for ours, name in names.items() for line in _lacks(kind, ours, name, there)]
        for rep, owner in self._map.people.items():
            if (
                await self._api.read(Call("GET", f"/crm/v3/owners/{quote(owner, safe='')}"), absent=True)
                is None
            ):
                problems.append(f"owners: rep {rep} names owner {owner}, who is not there")
        return problems

    def _creation(self, step: Step, subject: Subject) -> Call:
        """Makes the contact that the step needs. Raises: Refused."""
        if step.kind in (StepKind.CLOSE_TASK, StepKind.REMOVE_NOTE) or not self._create:
            raise Refused("hubspot: the lead has no contact", "gone" if self._create else "no_record")
        lead = self._map.own["lead"]
        one = {"idProperty": lead, "id": subject.lead_id, "properties": {lead: subject.lead_id}}
        return Call("POST", f"{_CONTACTS}/batch/upsert", {"inputs": [one]})

    def _writing(self, step: Step, contact: _Contact, mark: str) -> Plan:
        names, own = self._map.named(step.kind, step.params), self._map.own["marks"]
        held = {name: self._ours(name, contact.held.get(theirs, "")) for name, theirs in names.items()}
        writes, before = merged(held, step.params)
        values = {names[name]: self._theirs(name, value) for name, value in writes.items()}
        values[own] = with_mark(contact.held.get(own, ""), mark, most=MAX_MARKS)
        body = {"inputs": [{"id": contact.id, "properties": values}]}
        call = Call("POST", f"{_CONTACTS}/batch/update", body)
        return Plan(contact.id, (call,), changed(before, writes), before, contact.id, keeps=writes)

    async def _adding(self, step: Step, contact: _Contact, mark: str) -> Plan:
        kind = _KINDS[step.kind]
        link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": await self._type(kind)}
        make = self._task if kind == "tasks" else self._note
        values = make(step.params) | {self._map.own["key"]: mark}
        body = {"properties": values, "associations": [{"to": {"id": contact.id}, "types": [link]}]}
        change = (kind.removesuffix("s"), "", _lines(step.params))
        return Plan(contact.id, (Call("POST", f"/crm/v3/objects/{kind}", body),), (change,))

    async def _closing(self, step: Step, contact: _Contact) -> Plan:
        kind = "tasks" if step.kind is StepKind.CLOSE_TASK else "notes"
        ref = step.params.get("ref", "")
        there = await self._thing(kind, ref) if ref.isascii() and ref.isdigit() else None
        if there is None or contact.id not in _linked(there, "contacts"):
            raise Refused(f"hubspot: the contact has no such {kind.removesuffix('s')}", "gone")
        path = f"/crm/v3/objects/{kind}/{ref}"
        if kind == "notes":
            before, calls = {"state": "there"}, (Call("DELETE", path),)
            return Plan(contact.id, calls, ((ref, "there", "removed"),), before, ref, ref)
        state = "closed" if _done(there) else "open"
        call = Call("PATCH", path, {"properties": {"hs_task_status": "COMPLETED"}})
        lines = () if state == "closed" else ((ref, "open", "closed"),)
        return Plan(contact.id, (call,), lines, {"state": state}, ref, ref, {"state": "closed"})

    def _task(self, params: Mapping[str, str]) -> dict[str, str]:
        priority = params.get("priority", "").upper()
        owner = params.get("owner", "")
        return {
            "hs_timestamp": iso(_when(params.get("due", "")) or self._clock.now()),
            "hs_task_subject": params.get("title")
            or params.get("next_step")
            or params.get("intent")
            or "Follow up",
            "hs_task_body": html.escape(_lines(params)),
            "hs_task_status": "NOT_STARTED",
            "hs_task_type": "TODO",
            "hs_task_priority": priority if priority in ("LOW", "MEDIUM", "HIGH") else "NONE",
        } | ({"hubspot_owner_id": self._theirs("owner", owner)} if owner else {})

    def _note(self, params: Mapping[str, str]) -> dict[str, str]:
        return {"hs_timestamp": iso(self._clock.now()), "hs_note_body": html.escape(_lines(params))}

    def _theirs(self, name: str, value: str) -> str:
        """A value as HubSpot holds it. Raises: Refused for a rep that is no owner there."""
        if name != "owner" or not value:
            return value
        owner = self._map.person(value)
        if not (owner.isascii() and owner.isdigit()):
            raise Refused("hubspot: the rep has no owner id in [people] of the field map", "invalid")
        return owner

    def _ours(self, name: str, value: str) -> str:
        return self._map.rep(value) if name == "owner" and value else value

    async def _contact(self, subject: Subject) -> _Contact | None:
        """The contact of a lead. Raises: Refused if it had one, which is not there any more."""
        place = await self._sent.place(subject)
        keys = (_ID.fullmatch(key.value) for key in subject.keys if key.kind is KeyKind.CRM_ID)
        ids = [place] if place else [found[1] for found in keys if found]
        for one in dict.fromkeys(ids):
            contact = await self._get(one)
            if contact is not None:
                return contact
        contact = None if place else await self._get(subject.lead_id, by=self._map.own["lead"])
        if contact is None and ids:
            raise Refused("hubspot: the lead's contact is not there any more", "gone")
        return contact

    async def _get(self, name: str, *, by: str = "") -> _Contact | None:
        own = (*self._map.fields.values(), *self._map.owner.values(), self._map.own["marks"], *_READS)
        more = f"&idProperty={by}" if by else ""
        path = f"{_CONTACTS}/{quote(name, safe='')}?properties={','.join(own)}&associations=tasks{more}"
        body = await self._api.read(Call("GET", path), absent=True)
        if body is None:
            return None
        found = _text(body, "id")
        tasks = tuple(_linked(body, "tasks"))[:MAX_TASKS]
        return _Contact(found, found if by else name, _held(body), tasks)

    async def _thing(self, kind: str, ref: str) -> Any:
        """A task or note as it is, None once it is deleted."""
        query = "?properties=hs_task_status&associations=contacts"
        return await self._api.read(Call("GET", f"/crm/v3/objects/{kind}/{ref}{query}"), absent=True)

    async def _open(self, tasks: Sequence[str]) -> tuple[str, ...]:
        if not tasks:
            return ()
        body = {"inputs": [{"id": one} for one in tasks], "properties": ["hs_task_status"]}
        answer = await self._api.read(Call("POST", "/crm/v3/objects/tasks/batch/read", body))
        errors = answer.get("errors") or [] if isinstance(answer, dict) else []
        if any(_category(one) != "OBJECT_NOT_FOUND" for one in errors):
            raise Temporary("hubspot: some tasks cannot be read now")
        return tuple(sorted(_text(one, "id") for one in _rows(answer, "results") if not _done(one)))

    async def _type(self, kind: str) -> int:
        """HubSpot's number for the plain link from a task or note to a contact, asked for once."""
        async with self._asking:
            if kind not in self._types:
                answer = await self._api.read(Call("GET", f"/crm/v4/associations/{kind}/contacts/labels"))
                plain = [
                    one.get("typeId") for one in _rows(answer, "results")
                    if one.get("category") == "HUBSPOT_DEFINED" and not one.get("label")
                ]  # fmt: skip
                if not plain or not isinstance(plain[0], int):
                    raise Temporary(f"hubspot: no plain link from {kind} to contacts")
                self._types[kind] = plain[0]
            return self._types[kind]


def _spare(answer: Answer) -> float:
    """Seconds to wait after an answer that says that no request is left in this second, these ten, or today."""
    window = _seconds(answer, "x-hubspot-ratelimit-interval-milliseconds", 10_000.0) / 1000
    waits = {"secondly-": _PAUSE_S["SECONDLY"], "": window, "daily-": _PAUSE_S["DAILY"]}
    used_up = (which for which in waits if answer.headers.get(f"x-hubspot-ratelimit-{which}remaining") == "0")
    return max((waits[which] for which in used_up), default=0.0)


def _explain(answer: Answer) -> LeadgraphError | None:
    """HubSpot's own words for too many requests, and for a portal or record that is busy."""
    body = answer.body if isinstance(answer.body, dict) else {}
    if answer.status == 429:
        usual = _PAUSE_S.get(str(body.get("policyName")), 10.0)
        return Throttled("hubspot asks us to come later", _seconds(answer, "retry-after", usual))
    if answer.status in (423, 477):
        return Throttled(
            "hubspot is busy with the record", _seconds(answer, "retry-after", 30.0), code="record"
        )
    if answer.status == 207:  # else `ref` judges a write; of several that are read some may be gone
        failed = _failed(body.get("errors"))
        return failed if isinstance(failed, Throttled) else None
    return None


def _seconds(answer: Answer, header: str, otherwise: float) -> float:
    """The whole number in a header; `otherwise` where there is none."""
    text = answer.headers.get(header, "")
    return float(text[:9]) if text.isascii() and text.isdigit() else otherwise


def _failed(errors: Any) -> LeadgraphError:
    """What a batch says that was not done as a whole: each batch of ours holds one input."""
    category = _category(errors[0] if isinstance(errors, list) and errors else None)
    if category == "RATE_LIMITS":
        return Throttled("hubspot asks us to come later", 10.0)
    if category in _CODES:
        return Refused("hubspot did not do it", _CODES[category])
    return OutcomeUnknown("hubspot: a batch was done in part")


def _category(error: Any) -> str:
    return str(error.get("category", "")) if isinstance(error, dict) else ""


def _lacks(kind: str, ours: str, name: str, there: Mapping[str, Any]) -> list[str]:
    """What is wrong with one property."""
    made = there.get(name)
    if made is None:
        return [f"{kind}: create the property {name}"]
    problems = []
    if made.get("type") not in _TEXTS:
        problems.append(f"{kind}: {name} is a {made.get('type')}; make it a text or a number")
    if (made.get("modificationMetadata") or {}).get("readOnlyValue"):
        problems.append(f"{kind}: {name} cannot be written")
    if ours in ("lead", "key") and not made.get("hasUniqueValue"):
        problems.append(f"{kind}: {name} must have unique values")
    return problems


def _rows(body: Any, name: str) -> list[dict[str, Any]]:
    rows = body.get(name) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Temporary(f"hubspot: the answer holds no {name}")
    return rows


def _text(body: Any, name: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or not value:
        raise Temporary(f"hubspot: the answer holds no {name}")
    return value


def _held(body: Mapping[str, Any]) -> dict[str, str]:
    values = body.get("properties") or {}
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _linked(body: Mapping[str, Any], kind: str) -> Iterable[str]:
    links = (body.get("associations") or {}).get(kind) or {}
    return dict.fromkeys(str(one.get("id")) for one in links.get("results") or [])


def _done(task: Mapping[str, Any]) -> bool:
    return _held(task).get("hs_task_status") == "COMPLETED"


def _when(text: str) -> Instant | None:
    """An instant with its zone, None where there is none."""
    try:
        return instant(datetime.fromisoformat(text))
    except ValueError:
        return None


def _lines(params: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in sorted(params.items()) if value)


MANNERS: Final = Manners(
    "hubspot", lambda token: {"authorization": f"Bearer {token}"}, explain=_explain, spare=_spare
)
"""HubSpot's."""
