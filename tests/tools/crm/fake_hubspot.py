"""A HubSpot account in memory: contacts, tasks and notes as its published contract has them, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from domain.effect import StepKind
from domain.ids import LeadId, TenantId
from tests.tools.vendor_server import Asked, Said

TOKEN: Final = "pat-eu1-secret"
LINKS: Final = {"tasks": 204, "notes": 202}
_BUILT_IN: Final = {
    "contacts": {"hubspot_owner_id": "enumeration", "hs_last_sales_activity_timestamp": "datetime",
                 "hs_email_optout": "bool", "email": "string"},
    "tasks": {"hs_timestamp": "datetime", "hs_task_subject": "string", "hs_task_body": "string",
              "hs_task_status": "enumeration", "hs_task_type": "enumeration", "hs_task_priority": "enumeration",
              "hubspot_owner_id": "enumeration"},
    "notes": {"hs_timestamp": "datetime", "hs_note_body": "string", "hubspot_owner_id": "enumeration"},
}  # fmt: skip
_OURS: Final = {
    "contacts": (*(f"leadgraph_{name}" for name in (
        "points", "band", "fit", "engagement", "intent", "next_step", "team", "marks")), "leadgraph_id"),
    "tasks": ("leadgraph_key",),
    "notes": ("leadgraph_key",),
}  # fmt: skip
_UNIQUE: Final = {"leadgraph_id", "leadgraph_key"}
_ALLOWED: Final = {
    "hs_task_status": {"NOT_STARTED", "COMPLETED", "IN_PROGRESS", "WAITING", "DEFERRED"},
    "hs_task_priority": {"NONE", "LOW", "MEDIUM", "HIGH"},
    "hs_task_type": {"TODO", "CALL", "EMAIL"},
}
_QUERY: Final = {"properties", "associations", "archived", "idProperty"}


class Wrong(Exception):
    """The contract does not allow the request."""

    def __init__(self, status: int, category: str) -> None:
        super().__init__(category)
        self.status, self.category = status, category


@dataclass
class Thing:
    """A record, task or note."""

    id: str
    values: dict[str, str]
    contact: str = ""
    archived: bool = False
    merged_into: str = ""


@dataclass
class FakeHubSpot:
    """Satisfies `Fake`. `ledger` is what was applied: the mark that the request left, and the kind of step."""

    contract: ClassVar = "hubspot"
    token: str = TOKEN
    owners: set[str] = field(default_factory=lambda: {f"90{number}" for number in range(10)})
    things: dict[str, dict[str, Thing]] = field(
        default_factory=lambda: {"contacts": {}, "tasks": {}, "notes": {}}
    )
    made: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=lambda: [
        "crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read",
        "crm.objects.owners.read",
    ])  # fmt: skip
    """Of the token."""
    ledger: list[tuple[str, StepKind]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Requests that the contract does not allow."""

    def __post_init__(self) -> None:
        for kind, built_in in _BUILT_IN.items():
            rows = [{"name": name, "type": one, "hasUniqueValue": False} for name, one in built_in.items()]
            rows += [
                {"name": name, "type": "string", "hasUniqueValue": name in _UNIQUE} for name in _OURS[kind]
            ]
            self.made[kind] = rows

    def handle(self, asked: Asked) -> Said:
        """Answer one request."""
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return Said(
                401, {"status": "error", "category": "INVALID_AUTHENTICATION", "message": "secret words"}
            )
        try:
            return self._route(asked)
        except Wrong as wrong:
            if wrong.status != 404 and wrong.category != "CONFLICT":
                self.broken.append(f"{asked.method} {asked.path}: {wrong.category}")
            return Said(
                wrong.status, {"status": "error", "category": wrong.category, "message": "secret words"}
            )

    def _route(self, asked: Asked) -> Said:
        parts = asked.path.strip("/").split("/")
        if parts[-1] == "access-token-info":
            return Said(200, {"userId": 7, "hubId": 62515, "appId": 77, "scopes": self.scopes})
        if parts[:3] == ["crm", "v3", "properties"] and len(parts) == 4 and asked.method == "GET":
            return Said(200, {"results": self.made[parts[3]]})
        if parts[:3] == ["crm", "v3", "owners"] and len(parts) == 4 and asked.method == "GET":
            if parts[3] in self.owners:
                return Said(200, {"id": parts[3]})
            raise Wrong(404, "OBJECT_NOT_FOUND")
        if parts[:3] == ["crm", "v4", "associations"] and parts[4:] == ["contacts", "labels"]:
            link = {"category": "HUBSPOT_DEFINED", "typeId": LINKS[parts[3]], "label": None}
            return Said(200, {"results": [{**link, "label": "Main", "typeId": 9}, link]})
        if parts[:3] != ["crm", "v3", "objects"] or parts[3] not in self.things:
            raise Wrong(404, "NO_SUCH_PATH")
        if set(asked.query) - _QUERY:
            raise Wrong(400, "UNKNOWN_PARAMETER")
        return self._object(parts[3], parts[4:], asked)

    def _object(self, kind: str, rest: list[str], asked: Asked) -> Said:
        match asked.method, rest:
            case "POST", ["batch", ("upsert" | "update" | "read") as what]:
                return self._batch(kind, what, asked.body)
            case "POST", []:
                return self._create(kind, asked.body)
            case "GET", [name]:
                return Said(200, self._shown(kind, self._get(kind, name, asked.query), asked.query))
            case "PATCH", [name]:
                return self._patch(kind, name, asked)
            case "DELETE", [name]:
                return self._delete(kind, name)
        raise Wrong(405, "METHOD_NOT_ALLOWED")

    def _get(self, kind: str, name: str, query: Mapping[str, str]) -> Thing:
        by, archived = query.get("idProperty", ""), query.get("archived") == "true"
        if by and by not in _UNIQUE:
            raise Wrong(400, "NOT_UNIQUE")
        if not by and not name.isdigit():
            raise Wrong(400, "VALIDATION_ERROR")
        found = self.things[kind].get(name) if not by else self._unique(kind, by, name)
        while found is not None and found.merged_into:
            found = self.things[kind].get(found.merged_into)
        if found is None or found.archived != archived:
            raise Wrong(404, "OBJECT_NOT_FOUND")
        return found

    def _unique(self, kind: str, name: str, value: str) -> Thing | None:
        return next(
            (one for one in self.things[kind].values()
             if one.values.get(name) == value and not one.archived and not one.merged_into),
            None,
        )  # fmt: skip

    def _shown(self, kind: str, one: Thing, query: Mapping[str, str]) -> dict[str, Any]:
        names = query.get("properties", "").split(",")
        shown: dict[str, Any] = {
            "id": one.id, "archived": one.archived, "properties": {n: one.values.get(n) for n in names if n},
        }  # fmt: skip
        other = query.get("associations")
        if other == "contacts":
            shown["associations"] = {"contacts": {"results": [{"id": one.contact, "type": "x"}]}}
        elif other:
            linked = [
                each.id
                for each in self.things[other].values()
                if each.contact == one.id and not each.archived
            ]
            if linked:
                shown["associations"] = {other: {"results": [{"id": each, "type": "x"} for each in linked]}}
        return shown

    def _valid(self, kind: str, values: Any) -> dict[str, str]:
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise Wrong(400, "INVALID_JSON")
        known = {row["name"] for row in self.made[kind]}
        if set(values) - known:
            raise Wrong(400, "PROPERTY_DOESNT_EXIST")
        if any(value not in _ALLOWED[name] for name, value in values.items() if name in _ALLOWED):
            raise Wrong(400, "INVALID_OPTION")
        return dict(values)

    def _batch(self, kind: str, what: str, body: Any) -> Said:
        inputs = body.get("inputs") if isinstance(body, dict) else None
        if not isinstance(inputs, list) or not 0 < len(inputs) <= 100:
            raise Wrong(400, "VALIDATION_ERROR")
        results, errors = [], []
        for one in inputs:
            try:
                results.append(self._one(kind, what, one, body))
            except Wrong as wrong:
                if wrong.category != "OBJECT_NOT_FOUND":
                    raise
                errors.append({"status": "error", "category": wrong.category, "message": "secret words"})
        status = "COMPLETE" if not errors else "PARTIAL"
        return Said(207 if errors else 200, {"status": status, "results": results, "errors": errors} if errors
                    else {"status": status, "results": results})  # fmt: skip

    def _one(self, kind: str, what: str, one: Any, body: Any) -> dict[str, Any]:
        if not isinstance(one, dict) or set(one) - {"id", "idProperty", "properties", "objectWriteTraceId"}:
            raise Wrong(400, "VALIDATION_ERROR")
        if not isinstance(one.get("id"), str):
            raise Wrong(400, "VALIDATION_ERROR")
        query = {"properties": ",".join(body.get("properties", []))}
        if what == "read":
            return self._shown(kind, self._get(kind, one["id"], {}), query)
        values = self._valid(kind, one.get("properties"))
        if what == "update":
            found = self._get(kind, one["id"], {})
        else:
            if one.get("idProperty") not in _UNIQUE:
                raise Wrong(400, "NOT_UNIQUE")
            found = self._unique(kind, one["idProperty"], one["id"]) or self.add(
                kind, {one["idProperty"]: one["id"]}
            )
        self._write(kind, found, values)
        return self._shown(kind, found, {"properties": ",".join(values)}) | {"new": False}

    def _write(self, kind: str, found: Thing, values: dict[str, str]) -> None:
        if kind == "contacts" and "leadgraph_marks" in values:
            owner = {"hubspot_owner_id", "leadgraph_team"} & set(values)
            fields = any(
                name.startswith("leadgraph_") for name in set(values) - {"leadgraph_team", "leadgraph_marks"}
            )
            step = StepKind.SET_OWNER if owner and not fields else StepKind.SET_FIELDS
            self.ledger.append((values["leadgraph_marks"].split()[-1], step))
        found.values.update(values)

    def _create(self, kind: str, body: Any) -> Said:
        if not isinstance(body, dict) or set(body) - {"properties", "associations"}:
            raise Wrong(400, "VALIDATION_ERROR")
        values = self._valid(kind, body["properties"])
        if kind != "contacts" and not values.get("hs_timestamp"):
            raise Wrong(400, "REQUIRED_PROPERTY_MISSING")
        for name in _UNIQUE & set(values):
            if self._unique(kind, name, values[name]):
                raise Wrong(409, "CONFLICT")
        contact = ""
        for link in body.get("associations", []):
            types = link["types"]
            if types != [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": LINKS[kind]}]:
                raise Wrong(400, "INVALID_ASSOCIATION")
            contact = self._get("contacts", link["to"]["id"], {}).id
        made = self.add(kind, values)
        made.contact = contact
        step = StepKind.CREATE_TASK if kind == "tasks" else StepKind.ADD_NOTE
        self.ledger.append((values.get("leadgraph_key", ""), step))
        return Said(201, self._shown(kind, made, {"properties": ",".join(values)}))

    def _patch(self, kind: str, name: str, asked: Asked) -> Said:
        found = self._get(kind, name, asked.query)
        values = self._valid(kind, asked.body["properties"])
        if kind == "tasks" and values.get("hs_task_status") == "COMPLETED":
            self.ledger.append((f"close:{name}", StepKind.CLOSE_TASK))
        self._write(kind, found, values)
        return Said(200, self._shown(kind, found, {"properties": ",".join(values)}))

    def _delete(self, kind: str, name: str) -> Said:
        one = self.things[kind].get(name)
        if one is not None and not one.archived:
            one.archived = True
            self.ledger.append((f"remove:{name}", StepKind.REMOVE_NOTE))
        return Said(204)

    def add(self, kind: str, values: dict[str, str]) -> Thing:
        """A new one."""
        one = Thing(str(1001 + sum(map(len, self.things.values()))), dict(values))
        self.things[kind][one.id] = one
        return one

    def counts(self) -> dict[str, int]:
        """How many there are; of tasks the open ones, of notes those that are there."""
        tasks = [one for one in self.things["tasks"].values() if one.values["hs_task_status"] != "COMPLETED"]
        return {
            "records": len(self.things["contacts"]),
            "tasks": len(tasks),
            "notes": sum(not one.archived for one in self.things["notes"].values()),
        }

    # People who work in the account.

    def _of(self, lead: LeadId) -> Thing:
        return next(one for one in self.things["contacts"].values() if one.values.get("leadgraph_id") == lead)

    def edit(self, tenant: TenantId, lead: LeadId, name: str, value: str, *, at: int) -> None:
        """Change a field."""
        self._of(lead).values[f"leadgraph_{name}"] = value

    def give(self, tenant: TenantId, lead: LeadId, owner: str, *, at: int) -> None:
        """Give to another owner."""
        self._of(lead).values["hubspot_owner_id"] = owner.replace("r", "90")

    def merge(self, tenant: TenantId, lead: LeadId, into: LeadId) -> None:
        """Merge two contacts; links move along."""
        lost, kept = self._of(lead), self._of(into)
        lost.merged_into = kept.id
        for kind in ("tasks", "notes"):
            for one in self.things[kind].values():
                one.contact = kept.id if one.contact == lost.id else one.contact

    def delete(self, tenant: TenantId, lead: LeadId) -> None:
        """Delete a contact."""
        self._of(lead).archived = True

    def close_task(self, ref: str) -> None:
        """Complete a task."""
        self.things["tasks"][ref].values["hs_task_status"] = "COMPLETED"

    def touch(self, tenant: TenantId, lead: LeadId, *, at: int) -> None:
        """Talk to the lead."""
        from domain.instants import iso

        self._of(lead).values["hs_last_sales_activity_timestamp"] = iso(at)  # type: ignore[arg-type]  # an instant

    def forbid(self, tenant: TenantId, lead: LeadId) -> None:
        """Opt out."""
        self._of(lead).values["hs_email_optout"] = "true"
