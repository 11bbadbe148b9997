"""Salesforce: fields and owner of a Lead, tasks and notes beside it.

A Lead is found by Salesforce's id, or by the external id that holds our id of it. A task is made by an upsert under
the mark of its step, a Lead carries the marks of the last writes, written together with the fields. A note is a task
that is done already, so that it stands in the Lead's history.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from domain.effect import Step, StepKind
from domain.errors import LeadgraphError, OutcomeUnknown, Refused, Temporary, Throttled
from domain.instants import Instant, instant
from domain.ports.target import Seen, Subject
from domain.signal import KeyKind
from tools.field_map import FieldMap
from tools.login import Login
from tools.marked import NEW, Plan, changed, merged
from tools.sent import Note, Sent, with_mark
from tools.vendor import Answer, Api, Call, Manners

CLIENT: Final = "leadgraph"
"""Our name in each write: change events carry it back, so that our own can be told."""
ROOT: Final = "/services/data/v59.0"
OWN: Final = ("lead", "marks", "key")
"""What the field map must name besides."""
TAKES: Final = frozenset({
    StepKind.SET_FIELDS, StepKind.SET_OWNER, StepKind.CREATE_TASK, StepKind.CLOSE_TASK, StepKind.ADD_NOTE,
    StepKind.REMOVE_NOTE,
})  # fmt: skip
MAX_MARKS: Final = 15
"""Of 16 signs, with a space between them: a text of 255 holds no more."""
_LENGTHS: Final[Mapping[str, int]] = {"marks": 17 * MAX_MARKS - 1, "lead": 23, "key": 16}
"""Signs that our own fields have to hold."""
MAX_TASKS: Final = 100
MERGES: Final = 5
"""Merges that are followed from one Lead."""
USED_UP_S: Final = 900.0
"""How long the day's requests are left alone once they are used up: the count is over the last 24 hours."""
_LOCKED_S: Final = 2.0
_LEAD: Final = re.compile(r"(?:salesforce:)?(00Q[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?)")
_HERE: Final = "salesforce:"
_TASK: Final = re.compile(r"00T[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_OWNER: Final = re.compile(r"00[5G][A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_READS: Final = (
    "Id",
    "IsDeleted",
    "MasterRecordId",
    "HasOptedOutOfEmail",
    "LastModifiedById",
    "LastModifiedDate",
)
_NUMBERS: Final = frozenset({"double", "currency", "percent", "int", "long"})
_CODES: Final[Mapping[str, str]] = {
    "ENTITY_IS_DELETED": "gone", "NOT_FOUND": "gone", "INVALID_CROSS_REFERENCE_KEY": "gone",
    "DUPLICATE_VALUE": "conflict", "DUPLICATES_DETECTED": "conflict",
    "INSUFFICIENT_ACCESS_OR_READONLY": "forbidden", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "forbidden",
}  # fmt: skip
_PRIORITIES: Final[Mapping[str, str]] = {"high": "High", "urgent": "High", "low": "Low"}


@dataclass(frozen=True, slots=True)
class _Lead:
    """A Lead as it was read; `known` is the id by which we asked, another one if it was merged since."""

    id: str
    known: str
    row: Mapping[str, Any]

    def held(self, name: str) -> str:
        """The value of a field as text."""
        return _text(self.row.get(name))


class Salesforce:
    """Satisfies `tools.marked.Vendor`."""

    name, takes = "salesforce", TAKES

    def __init__(self, api: Api, fields: FieldMap, sent: Sent, login: Login, *, create: bool = False) -> None:
        """With `create` a lead without a Lead gets one, which holds our id of it and no name."""
        self._api, self._map, self._sent, self._login, self._create = api, fields, sent, login, create
        self._types: dict[str, str] = {}
        self._asking = asyncio.Lock()

    async def look(self, subject: Subject) -> Seen:
        """The Lead as it is now. Whoever is not our own user is a person."""
        lead = await self._lead(subject)
        if lead is None:
            return Seen()
        ours = {name: lead.held(theirs) for name, theirs in self._map.fields.items()}
        tasks = await self._query(
            "Task", ("Id",), f"WhoId = '{lead.id}' AND IsClosed = false LIMIT {MAX_TASKS}"
        )
        touched = lead.held("LastModifiedById")[:15] != self._login.user[:15]
        owner = lead.held(self._map.owner.get("owner", "OwnerId"))
        return Seen(
            exists=True,
            merged_into=lead.id if lead.id != lead.known else None,
            owner=self._rep(owner) if _person(owner) and owner[:15] != self._login.user[:15] else None,
            human_touch_at=_when(lead.held("LastModifiedDate")) if touched else None,
            do_not_contact=bool(lead.row.get("HasOptedOutOfEmail")),
            fields={name: value for name, value in ours.items() if value},
            open_tasks=tuple(sorted(str(row["Id"]) for row in tasks)),
        )

    async def plan(self, step: Step, subject: Subject, mark: str) -> Plan:
        """The requests of one step."""
        if step.kind in (StepKind.SET_FIELDS, StepKind.SET_OWNER):
            self._map.named(step.kind, step.params)
        lead = await self._lead(subject)
        create = None if lead is not None else self._creation(step, subject)
        lead = lead or _Lead(NEW, NEW, {})
        match step.kind:
            case StepKind.SET_FIELDS | StepKind.SET_OWNER:
                plan = await self._writing(step, lead, mark)
            case StepKind.CREATE_TASK | StepKind.ADD_NOTE:
                plan = self._adding(step, lead, mark)
            case _:
                plan = await self._closing(step, lead)
        moved = {"merged_into": lead.id} if lead.id != lead.known else {}
        return replace(plan, before={**plan.before, **moved}, create=create)

    def ref(self, step: Step, answer: Answer) -> str:  # noqa: ARG002 - as the port has it
        """The id that Salesforce gave. Of several records each says for itself if it was written."""
        rows = answer.body if isinstance(answer.body, list) else [answer.body or {}]
        for row in rows:
            errors = row.get("errors") if isinstance(row, dict) else None
            if errors or (isinstance(row, dict) and row.get("success") is False):
                raise _refusal(_code(errors)) or OutcomeUnknown("salesforce did not say why")
        first = rows[0] if rows and isinstance(rows[0], dict) else {}
        if answer.status != 204 and not isinstance(first.get("id"), str):
            raise OutcomeUnknown("salesforce: the answer names no id")
        return str(first.get("id", ""))

    async def found(self, note: Note, mark: str) -> str | None:
        """The id of what the step made, if its mark is there; also of what was deleted since."""
        if note.kind in (StepKind.CREATE_TASK, StepKind.ADD_NOTE):
            rows = await self._query("Task", ("Id",), f"{self._map.own['key']} = '{mark}'")
            return str(rows[0]["Id"]) if rows else None
        if note.kind in (StepKind.CLOSE_TASK, StepKind.REMOVE_NOTE):
            task = await self._task(note.thing)
            done = task is None or (note.kind is StepKind.CLOSE_TASK and task.get("IsClosed"))
            return note.thing if done else None
        lead = await self._row(f"Id = '{note.place}'", note.place)
        marks = lead.held(self._map.own["marks"]).split() if lead else []
        return lead.id if lead and mark in marks else None

    async def check(self) -> list[str]:
        """What the org lacks for the field map, one line each; it is only read. Raises: Temporary, Refused."""
        own = self._map.own
        lead = {**self._map.fields, **self._map.owner, "lead": own["lead"], "marks": own["marks"]}
        problems = []
        for kind, names in (("Lead", lead), ("Task", {"key": own["key"]})):
            answer = await self._api.read(Call("GET", f"{ROOT}/sobjects/{kind}/describe"))
            there = {one.get("name"): one for one in _rows(answer, "fields")}
            problems += [line for ours, name in names.items() for line in _lacks(kind, ours, name, there)]
        return problems

    def _creation(self, step: Step, subject: Subject) -> Call:
        """Makes the Lead that the step needs. Raises: Refused."""
        if step.kind in (StepKind.CLOSE_TASK, StepKind.REMOVE_NOTE) or not self._create:
            raise Refused("salesforce: the lead has no Lead", "gone" if self._create else "no_record")
        if any(key.kind is KeyKind.CRM_ID and key.value.startswith(_HERE) for key in subject.keys):
            raise Refused("salesforce: the lead is known there, but as no Lead", "no_record")
        own = self._map.own["lead"]
        names = {own: subject.lead_id, "LastName": "Unknown", "Company": "Unknown"}
        body = {"allOrNone": True, "records": [{"attributes": {"type": "Lead"}, **names}]}
        return Call("PATCH", f"{ROOT}/composite/sobjects/Lead/{own}", body)

    async def _writing(self, step: Step, lead: _Lead, mark: str) -> Plan:
        names, own = self._map.named(step.kind, step.params), self._map.own["marks"]
        held = {name: self._ours(name, lead.held(theirs)) for name, theirs in names.items()}
        writes, before = merged(held, step.params)
        values = {names[name]: await self._theirs(name, names[name], value) for name, value in writes.items()}
        values[own] = with_mark(lead.held(own), mark, most=MAX_MARKS)
        body = {"allOrNone": True, "records": [{"attributes": {"type": "Lead"}, "id": lead.id, **values}]}
        call = Call("PATCH", f"{ROOT}/composite/sobjects", body)
        return Plan(lead.id, (call,), changed(before, writes), before, lead.id, keeps=writes)

    def _adding(self, step: Step, lead: _Lead, mark: str) -> Plan:
        words = "\n".join(f"{name}: {value}" for name, value in sorted(step.params.items()) if value)
        params, note = step.params, step.kind is StepKind.ADD_NOTE
        subject = params.get("title") or params.get("next_step") or params.get("intent") or "Follow up"
        due, owner = _when(params.get("due", "")), params.get("owner", "")
        body: dict[str, Any] = {
            "WhoId": lead.id,
            "Subject": "Note of Leadgraph" if note else subject[:255],
            "Status": "Completed" if note else "Not Started",
            "Priority": _PRIORITIES.get(params.get("priority", ""), "Normal"),
            "Description": words,
        }
        if due is not None:
            body["ActivityDate"] = params["due"][:10]
        if owner:
            body["OwnerId"] = self._owner(owner)
        call = Call("PATCH", f"{ROOT}/sobjects/Task/{self._map.own['key']}/{mark}", body)
        return Plan(lead.id, (call,), (("note" if note else "task", "", words.replace("\n", "; ")),))

    async def _closing(self, step: Step, lead: _Lead) -> Plan:
        ref = step.params.get("ref", "")
        task = await self._task(ref) if _TASK.fullmatch(ref) else None
        if task is None or _text(task.get("WhoId"))[:15] != lead.id[:15]:
            raise Refused("salesforce: the Lead has no such task", "gone")
        path = f"{ROOT}/sobjects/Task/{ref}"
        if step.kind is StepKind.REMOVE_NOTE:
            lines = ((ref, "there", "removed"),)
            return Plan(lead.id, (Call("DELETE", path),), lines, {"state": "there"}, ref, ref)
        state = "closed" if task.get("IsClosed") else "open"
        done = ((ref, "open", "closed"),) if state == "open" else ()
        call = Call("PATCH", path, {"Status": "Completed"})
        return Plan(lead.id, (call,), done, {"state": state}, ref, ref, {"state": "closed"})

    def _owner(self, rep: str) -> str:
        owner = self._map.person(rep)
        if not _OWNER.fullmatch(owner):
            raise Refused(
                "salesforce: the rep has no user or queue id in [people] of the field map", "invalid"
            )
        return owner

    def _rep(self, owner: str) -> str:
        """A rep by the id of the user: 15 signs of it tell, the last three are a check."""
        return next((ours for ours, known in self._map.people.items() if known[:15] == owner[:15]), owner)

    def _ours(self, name: str, value: str) -> str:
        return self._rep(value) if name == "owner" and value else value

    async def _theirs(self, name: str, field_name: str, value: str) -> Any:
        """A value as its field takes it. Raises: Refused for a text in a number."""
        if name == "owner":
            return self._owner(value)
        if not value:
            return None
        if await self._type(field_name) not in _NUMBERS:
            return value
        try:
            return float(value)
        except ValueError:
            raise Refused(f"salesforce: {field_name} takes a number", "invalid") from None

    async def _type(self, name: str) -> str:
        """The type of a Lead's field, asked for once."""
        async with self._asking:
            if not self._types:
                answer = await self._api.read(Call("GET", f"{ROOT}/sobjects/Lead/describe"))
                self._types = {str(one.get("name")): str(one.get("type")) for one in _rows(answer, "fields")}
            return self._types.get(name, "")

    async def _lead(self, subject: Subject) -> _Lead | None:
        """The Lead of a lead. Raises: Refused if it had one, which is not there any more."""
        place = await self._sent.place(subject)
        keys = (_LEAD.fullmatch(key.value) for key in subject.keys if key.kind is KeyKind.CRM_ID)
        ids = [place] if place else [found[1] for found in keys if found]
        for one in dict.fromkeys(ids):
            lead = await self._row(f"Id = '{one}'", one)
            if lead is not None and not lead.row.get("IsDeleted"):
                return lead
        found = None if place else await self._by_our_id(subject)
        if found is None and ids:
            raise Refused("salesforce: the Lead is not there any more", "gone")
        return found

    async def _by_our_id(self, subject: Subject) -> _Lead | None:
        if not _PLAIN.fullmatch(subject.lead_id):
            return None
        found = await self._row(f"{self._map.own['lead']} = '{subject.lead_id}' AND IsDeleted = false", "")
        return replace(found, known=found.id) if found else None

    async def _row(self, where: str, known: str) -> _Lead | None:
        """A Lead, deleted or not; of a merged one what it was merged into."""
        own = (*self._map.fields.values(), *self._map.owner.values(), self._map.own["marks"])
        for _ in range(MERGES):
            rows = await self._query("Lead", (*_READS, *own), where)
            if not rows:
                return None
            one, master = _text(rows[0].get("Id")), _text(rows[0].get("MasterRecordId"))
            if not _LEAD.fullmatch(master or one):
                raise Temporary("salesforce: the answer names no Lead")
            if not master:
                return _Lead(one, known, rows[0])
            where = f"Id = '{master}'"
        raise Temporary("salesforce: a Lead was merged too many times")

    async def _task(self, ref: str) -> Mapping[str, Any] | None:
        where = f"Id = '{ref}' AND IsDeleted = false"
        rows = await self._query("Task", ("Id", "WhoId", "IsClosed"), where)
        return rows[0] if rows else None

    async def _query(self, kind: str, names: Sequence[str], where: str) -> list[dict[str, Any]]:
        """Rows, those that were deleted too. What stands in quotes was checked to be an id or a mark."""
        soql = " ".join(("SELECT", ", ".join(names), "FROM", kind, "WHERE", where))
        answer = await self._api.read(Call("GET", f"{ROOT}/queryAll?q={quote(soql, safe='')}"))
        return _rows(answer, "records")


def _person(owner: str) -> bool:
    """Whether a Lead is somebody's: each has an owner, and if it is a queue, nobody has taken it."""
    return owner.startswith("005")


def _spare(answer: Answer) -> float:
    """Seconds to wait after an answer that says that the day's requests are used up."""
    used = re.search(r"api-usage=([0-9]+)/([0-9]+)", answer.headers.get("sforce-limit-info", ""))
    return USED_UP_S if used and int(used[1]) >= int(used[2]) else 0.0


def _explain(answer: Answer) -> LeadgraphError | None:
    """Salesforce's own codes, which say more than the status."""
    return _refusal(_code(answer.body)) if answer.status in (400, 403, 404, 409) else None


def _code(errors: Any) -> str:
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return str(first.get("errorCode") or first.get("statusCode") or "")


def _refusal(code: str) -> LeadgraphError | None:
    if code == "REQUEST_LIMIT_EXCEEDED":
        return Throttled("salesforce has no request left for now", USED_UP_S)
    if code == "UNABLE_TO_LOCK_ROW":
        return Throttled("salesforce: somebody else writes the record now", _LOCKED_S, code="record")
    return Refused("salesforce did not do it", _CODES.get(code, "invalid")) if code else None


def _lacks(kind: str, ours: str, name: str, there: Mapping[Any, Any]) -> list[str]:
    """What is wrong with one field."""
    made = there.get(name)
    if made is None:
        return [f"{kind}: create the field {name}, or give the user the right to see it"]
    problems = [] if made.get("updateable") else [f"{kind}: {name} cannot be written by our user"]
    if ours in _LENGTHS and int(made.get("length") or 0) < _LENGTHS[ours]:
        problems.append(f"{kind}: {name} must hold {_LENGTHS[ours]} signs")
    if ours in ("lead", "key") and not (made.get("externalId") and made.get("unique")):
        problems.append(f"{kind}: {name} must be an external id with unique values")
    return problems


def _rows(body: Any, name: str) -> list[dict[str, Any]]:
    rows = body.get(name) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Temporary(f"salesforce: the answer holds no {name}")
    return rows


def _text(value: Any) -> str:
    """A value as text: of a number without its zero decimals."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _when(text: str) -> Instant | None:
    """An instant with its zone, None where there is none."""
    try:
        return instant(datetime.fromisoformat(text))
    except ValueError:
        return None


MANNERS: Final = Manners(
    "salesforce",
    lambda token: {"authorization": f"Bearer {token}", "sforce-call-options": f"client={CLIENT}"},
    explain=_explain,
    spare=_spare,
)
"""Salesforce's."""
