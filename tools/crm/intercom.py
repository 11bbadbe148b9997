"""Intercom's contacts: attributes that hold the score of a lead who is a contact there.

A contact is found by Intercom's id alone, and never made. Intercom merges attributes itself, so those of others stay;
the marks of the last writes are an attribute as well, written together with the rest.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final

from domain.effect import Step, StepKind
from domain.errors import OutcomeUnknown, Refused, Temporary
from domain.ports.target import Seen, Subject
from domain.signal import KeyKind
from tools.field_map import FieldMap
from tools.marked import Plan, changed, merged
from tools.sent import Note, Sent, with_mark
from tools.vendor import Answer, Api, Call

NAME: Final = "intercom_contacts"
OWN: Final = ("marks",)
"""What the field map must name besides."""
MAX_MARKS: Final = 12
"""An attribute holds 255 characters."""
_ID: Final = re.compile(r"intercom:([A-Za-z0-9]{1,40})")
_NUMBERS: Final[Mapping[str, type[int] | type[float]]] = {"integer": int, "float": float}


def contacts_of(subject: Subject) -> list[str]:
    """Intercom's ids of the lead."""
    found = (_ID.fullmatch(key.value) for key in subject.keys if key.kind is KeyKind.CRM_ID)
    return [one[1] for one in found if one]


class IntercomContacts:
    """Satisfies `tools.marked.Vendor`."""

    name, takes = NAME, frozenset({StepKind.SET_FIELDS})

    def __init__(self, api: Api, fields: FieldMap, sent: Sent) -> None:
        """`fields.fields` are attributes of a contact."""
        self._api, self._map, self._sent = api, fields, sent
        self._types: dict[str, str] = {}
        self._asking = asyncio.Lock()

    async def look(self, subject: Subject) -> Seen:
        """The contact as it is now."""
        contact = await self._contact(subject)
        if contact is None:
            return Seen()
        held = _attributes(contact)
        ours = {name: _text(held.get(theirs)) for name, theirs in self._map.fields.items()}
        return Seen(
            exists=True,
            do_not_contact=contact.get("unsubscribed_from_emails") is True,
            fields={name: value for name, value in ours.items() if value},
        )

    async def plan(self, step: Step, subject: Subject, mark: str) -> Plan:
        """The request of one step."""
        names, own = self._map.named(step.kind, step.params), self._map.own["marks"]
        contact = await self._contact(subject)
        if contact is None:
            raise Refused("intercom: the lead is no contact here", "no_record")
        ref, attributes = _id(contact), _attributes(contact)
        held = {name: _text(attributes.get(theirs)) for name, theirs in names.items()}
        writes, before = merged(held, step.params)
        values: dict[str, Any] = {
            names[name]: await self._theirs(names[name], value) for name, value in writes.items()
        }
        values[own] = with_mark(_text(attributes.get(own)), mark, most=MAX_MARKS)
        call = Call("PUT", f"/contacts/{ref}", {"custom_attributes": values})
        return Plan(ref, (call,), changed(before, writes), before, ref, keeps=writes)

    def ref(self, step: Step, answer: Answer) -> str:  # noqa: ARG002 - as the port has it
        """The contact's id. Raises: OutcomeUnknown if the answer is not the contact."""
        body = answer.body if isinstance(answer.body, dict) else {}
        if not isinstance(body.get("id"), str):
            raise OutcomeUnknown("intercom: the answer names no contact")
        return str(body["id"])

    async def found(self, note: Note, mark: str) -> str | None:
        """The contact's id, if the mark is there."""
        contact = await self._get(note.place)
        marks = _text(_attributes(contact).get(self._map.own["marks"])).split() if contact else []
        return note.place if mark in marks else None

    async def check(self) -> list[str]:
        """What the workspace lacks for the field map, one line each; it is only read. Raises: Temporary, Refused."""
        types = await self._described()
        wanted = [*self._map.fields.values(), self._map.own["marks"]]
        problems = [f"attributes: create the contact attribute {one}" for one in wanted if one not in types]
        odd = [one for one in wanted if types.get(one, "string") not in ("string", *_NUMBERS)]
        return problems + [f"attributes: {one} of contacts is no text or number" for one in odd]

    async def _contact(self, subject: Subject) -> Mapping[str, Any] | None:
        """The contact of a lead, None if it has none. Raises: Refused if it is not there any more."""
        place, ids = await self._sent.place(subject), contacts_of(subject)
        for one in dict.fromkeys([place] if place else ids):
            contact = await self._get(one)
            if contact is not None:
                return contact
        if place or ids:
            raise Refused("intercom: the contact is not there any more", "gone")
        return None

    async def _get(self, ref: str) -> Mapping[str, Any] | None:
        body = await self._api.read(Call("GET", f"/contacts/{ref}"), absent=True)
        if body is None:
            return None
        _id(body)
        return dict(body)

    async def _theirs(self, name: str, value: str) -> Any:
        """A value as its attribute takes it. Raises: Refused for a text in a number."""
        if not value:
            return None
        number = _NUMBERS.get((await self._described()).get(name, "string"))
        try:
            return value if number is None else number(value)
        except ValueError:
            raise Refused(f"intercom: {name} takes a number", "invalid") from None

    async def _described(self) -> Mapping[str, str]:
        """The type of each attribute of a contact, asked for once."""
        async with self._asking:
            if not self._types:
                answer = await self._api.read(Call("GET", "/data_attributes?model=contact"))
                rows = answer.get("data") if isinstance(answer, dict) else None
                if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                    raise Temporary("intercom: the answer holds no attributes")
                self._types = {str(row.get("name")): str(row.get("data_type")) for row in rows}
            return self._types


def _id(body: Any) -> str:
    found = body.get("id") if isinstance(body, dict) else None
    if not isinstance(found, str) or not _ID.fullmatch(f"intercom:{found}"):
        raise Temporary("intercom: the answer is no contact")
    return found


def _attributes(contact: Mapping[str, Any]) -> Mapping[str, Any]:
    found = contact.get("custom_attributes") or {}
    if not isinstance(found, dict):
        raise Temporary("intercom: the contact cannot be read")
    return found


def _text(value: Any) -> str:
    """A value as text: of a number without its zero decimals."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
