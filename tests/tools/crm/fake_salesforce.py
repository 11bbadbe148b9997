"""A Salesforce org in memory: Leads and Tasks as its REST interface has them, and nothing else."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from domain.effect import StepKind
from domain.ids import LeadId, TenantId
from domain.instants import Instant, iso
from tests.tools.vendor_server import Asked, Said

TOKEN: Final = "00D-secret-session"
CLIENT_ID: Final = "client"
CLIENT_SECRET: Final = "client-secret"
OUR_USER: Final = "005000000000999AAA"
ROOT: Final = "/services/data/v59.0/"
MARKS, KEY, LEAD = "Leadgraph_Marks__c", "Leadgraph_Key__c", "Leadgraph_Id__c"
FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "Lead": {
        "Leadgraph_Points__c": "double", "Leadgraph_Band__c": "string", "Leadgraph_Fit__c": "double",
        "Leadgraph_Engagement__c": "double", "Leadgraph_Intent__c": "string", "Leadgraph_Next_Step__c": "string",
        "Leadgraph_Team__c": "string", MARKS: "textarea", LEAD: "string", "OwnerId": "reference",
        "LastName": "string", "Company": "string",
    },
    "Task": {
        "WhoId": "reference", "OwnerId": "reference", "Subject": "combobox", "Status": "picklist",
        "Priority": "picklist", "Description": "textarea", "ActivityDate": "date", KEY: "string",
    },
}  # fmt: skip
LENGTHS: Final[Mapping[str, int]] = {MARKS: 32_768, LEAD: 80, KEY: 40}
"""Of fields that are not as long as a text may be."""
_READ_ONLY: Final = {"Id", "IsDeleted", "MasterRecordId", "HasOptedOutOfEmail", "LastModifiedById",
                     "LastModifiedDate", "IsClosed"}  # fmt: skip
_ALLOWED: Final = {
    "Status": {"Not Started", "In Progress", "Completed"},
    "Priority": {"High", "Normal", "Low"},
}
_SOQL: Final = re.compile(r"SELECT ([\w, ]+) FROM (Lead|Task) WHERE (.+?)(?: LIMIT \d+)?")
_TERM: Final = re.compile(r"(\w+) = (?:'([\w-]*)'|(true|false))")


class Wrong(Exception):
    """The contract does not allow the request, or the record is not there."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass
class FakeSalesforce:
    """Satisfies `Fake`. `ledger` is what was applied: the mark that the request left, and the kind of step."""

    contract: ClassVar = "salesforce"
    token: str = TOKEN
    rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {"Lead": {}, "Task": {}})
    fields: dict[str, dict[str, str]] = field(default_factory=lambda: {k: dict(v) for k, v in FIELDS.items()})
    lengths: dict[str, int] = field(default_factory=lambda: dict(LENGTHS))
    ledger: list[tuple[str, StepKind]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    used: int = 18
    may: dict[str, dict[str, bool]] = field(default_factory=lambda: {
        kind: dict.fromkeys(("queryable", "createable", "updateable", "deletable"), True) for kind in FIELDS
    })  # fmt: skip
    """What our user may do, by kind of record."""
    stated: Callable[[str], bool] = lambda _: False
    """Whether a signed statement lets in whom it names."""
    now: str = "2023-11-14T22:13:20.000+0000"

    def handle(self, asked: Asked) -> Said:
        """Answer one request."""
        if asked.path == "/services/oauth2/token":
            return self._login(asked)
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return Said(401, [{"errorCode": "INVALID_SESSION_ID", "message": "secret words"}])
        limit = {"sforce-limit-info": f"api-usage={self.used}/5000"}
        try:
            if asked.writes and asked.headers.get("sforce-call-options") != "client=leadgraph":
                raise Wrong(400, "NO_CLIENT_NAMED")
            status, body = self._route(asked)
            return Said(status, body, limit)
        except Wrong as wrong:
            if wrong.status == 400:
                self.broken.append(f"{asked.method} {asked.path}: {wrong.code}")
            return Said(wrong.status, [{"errorCode": wrong.code, "message": "secret words"}], limit)

    def _login(self, asked: Asked) -> Said:
        form = dict(parse_qsl(asked.raw.decode()))
        if self.stated(form.get("assertion", "")):
            return Said(200, {"access_token": self.token, "id": f"https://login/id/00D/{OUR_USER}"})
        if form != {
            "grant_type": "client_credentials",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        }:
            return Said(400, {"error": "invalid_client", "error_description": "secret words"})
        return Said(200, {"access_token": self.token, "id": f"https://login/id/00D/{OUR_USER}"})

    def _route(self, asked: Asked) -> tuple[int, Any]:
        if not asked.path.startswith(ROOT):
            raise Wrong(404, "NOT_FOUND")
        match asked.method, asked.path.removeprefix(ROOT).split("/"):
            case "GET", parts:
                return 200, self._read(parts, asked.query)
            case "PATCH", ["composite", "sobjects"]:
                return 200, [self._update(one) for one in self._several(asked.body)]
            case "PATCH", ["composite", "sobjects", "Lead", name]:
                return 200, [self._upsert("Lead", name, one[name], one) for one in self._several(asked.body)]
            case "PATCH", ["sobjects", "Task", name, value]:
                made = self._upsert("Task", name, value, asked.body)
                return (201 if made["created"] else 200), made
            case "PATCH" | "DELETE", ["sobjects", "Task", ref]:
                return self._change(asked, ref)
        raise Wrong(400, "METHOD_NOT_ALLOWED")

    def _read(self, parts: list[str], query: Mapping[str, str]) -> Any:
        match parts:
            case ["limits"]:
                return {"DailyApiRequests": {"Max": 5_000, "Remaining": 5_000 - self.used}}
            case ["queryAll"]:
                return {"done": True, "records": self._query(query["q"])}
            case ["sobjects", ("Lead" | "Task") as kind, "describe"]:
                fields = [self._described(name, one) for name, one in self.fields[kind].items()]
                return {"fields": fields, **self.may[kind]}
        raise Wrong(400, "METHOD_NOT_ALLOWED")

    def _described(self, name: str, kind: str) -> dict[str, Any]:
        own, length = name in (KEY, LEAD), 0 if kind == "double" else self.lengths.get(name, 255)
        more = {"length": length, "externalId": own, "unique": own}
        return {"name": name, "type": kind, "updateable": True, **more}

    @staticmethod
    def _several(body: Any) -> list[dict[str, Any]]:
        records = body.get("records")
        if set(body) != {"allOrNone", "records"} or not 0 < len(records) <= 200:
            raise Wrong(400, "INVALID_BATCH")
        if any(one.get("attributes") != {"type": "Lead"} for one in records):
            raise Wrong(400, "INVALID_TYPE")
        return [{name: value for name, value in one.items() if name != "attributes"} for one in records]

    def _query(self, soql: str) -> list[dict[str, Any]]:
        parts = _SOQL.fullmatch(soql)
        if parts is None:
            raise Wrong(400, "MALFORMED_QUERY")
        names, kind = parts[1].split(", "), parts[2]
        terms = [_TERM.fullmatch(term) for term in parts[3].split(" AND ")]
        if set(names) - set(self.fields[kind]) - _READ_ONLY or not all(terms):
            raise Wrong(400, "MALFORMED_QUERY")
        wanted = [(one[1], one[2] if one[3] is None else one[3] == "true") for one in terms if one]
        return [
            {name: self._value(row, name) for name in names}
            for row in self.rows[kind].values()
            if all(self._value(row, name) == value for name, value in wanted)
        ]

    @staticmethod
    def _value(row: Mapping[str, Any], name: str) -> Any:
        if name == "IsClosed":
            return row.get("Status") == "Completed"
        return row.get(name, False if name in ("IsDeleted", "HasOptedOutOfEmail") else None)

    def _valid(self, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        for name, value in values.items():
            wanted = self.fields[kind].get(name)
            if wanted is None:
                raise Wrong(400, "INVALID_FIELD")
            if value is not None and (wanted == "double") != isinstance(value, float):
                raise Wrong(400, "JSON_PARSER_ERROR")
            if name.startswith("Leadgraph_") and len(str(value or "")) > self.lengths.get(name, 255):
                raise Wrong(400, "STRING_TOO_LONG")
            if name in _ALLOWED and value not in _ALLOWED[name]:
                raise Wrong(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
        return dict(values)

    def _update(self, one: dict[str, Any]) -> dict[str, Any]:
        values = self._valid("Lead", {name: value for name, value in one.items() if name != "id"})
        row = self.rows["Lead"].get(one["id"])
        if row is None or row.get("IsDeleted"):
            return {
                "success": False,
                "errors": [{"statusCode": "ENTITY_IS_DELETED", "message": "secret words"}],
            }
        if MARKS in values:
            owner = bool({"OwnerId", "Leadgraph_Team__c"} & set(values))
            self.ledger.append(
                (values[MARKS].split()[-1], StepKind.SET_OWNER if owner else StepKind.SET_FIELDS)
            )
        row.update(values, LastModifiedById=OUR_USER, LastModifiedDate=self.now)
        return {"id": one["id"], "success": True, "errors": []}

    def _upsert(self, kind: str, name: str, value: str, body: dict[str, Any]) -> dict[str, Any]:
        if name not in (KEY, LEAD) or (kind == "Task" and name in body):
            raise Wrong(400, "INVALID_FIELD")
        values = self._valid(kind, body) | {name: value}
        row = next(
            (one for one in self.rows[kind].values() if one.get(name) == value and not one.get("IsDeleted")),
            None,
        )
        made = row is None
        if row is None:
            if kind == "Lead" and not (values.get("LastName") and values.get("Company")):
                raise Wrong(400, "REQUIRED_FIELD_MISSING")
            row = self.add(kind)
        row.update(values, LastModifiedById=OUR_USER, LastModifiedDate=self.now)
        if kind == "Task":
            note = values["Status"] == "Completed"
            row["note"] = note
            self.ledger.append((value, StepKind.ADD_NOTE if note else StepKind.CREATE_TASK))
        return {"id": row["Id"], "success": True, "errors": [], "created": made}

    def _change(self, asked: Asked, ref: str) -> tuple[int, Any]:
        row = self.rows["Task"].get(ref)
        if row is None or row.get("IsDeleted"):
            raise Wrong(404, "ENTITY_IS_DELETED")
        if asked.method == "DELETE":
            row["IsDeleted"] = True
            self.ledger.append((f"remove:{ref}", StepKind.REMOVE_NOTE))
        else:
            row.update(self._valid("Task", asked.body))
            self.ledger.append((f"close:{ref}", StepKind.CLOSE_TASK))
        return 204, None

    def add(self, kind: str) -> dict[str, Any]:
        """A new row."""
        number = sum(map(len, self.rows.values()))
        ref = f"{'00Q' if kind == 'Lead' else '00T'}{number:012d}AAA"
        row: dict[str, Any] = {"Id": ref, "OwnerId": OUR_USER}
        self.rows[kind][ref] = row
        return row

    def counts(self) -> dict[str, int]:
        """How many there are; of tasks the open ones, of notes those that are there."""
        tasks = [row for row in self.rows["Task"].values() if not row.get("IsDeleted")]
        return {
            "records": len(self.rows["Lead"]),
            "tasks": sum(row["Status"] != "Completed" for row in tasks),
            "notes": sum(bool(row.get("note")) for row in tasks),
        }

    # People who work in the org.

    def _of(self, lead: LeadId) -> dict[str, Any]:
        return next(row for row in self.rows["Lead"].values() if row.get(LEAD) == lead)

    def edit(self, tenant: TenantId, lead: LeadId, name: str, value: str, *, at: int) -> None:
        """Change a field."""
        theirs = f"Leadgraph_{name.title()}__c"
        self._of(lead)[theirs] = float(value) if FIELDS["Lead"][theirs] == "double" else value

    def give(self, tenant: TenantId, lead: LeadId, owner: str, *, at: int) -> None:
        """Give to another owner."""
        self._of(lead)["OwnerId"] = f"005000000000{int(owner[1:]):03d}AAA"

    def merge(self, tenant: TenantId, lead: LeadId, into: LeadId) -> None:
        """Merge two Leads; tasks move along."""
        lost, kept = self._of(lead), self._of(into)
        lost.update(IsDeleted=True, MasterRecordId=kept["Id"])
        for row in self.rows["Task"].values():
            row["WhoId"] = kept["Id"] if row["WhoId"] == lost["Id"] else row["WhoId"]

    def delete(self, tenant: TenantId, lead: LeadId) -> None:
        """Put a Lead into the bin."""
        self._of(lead)["IsDeleted"] = True

    def close_task(self, ref: str) -> None:
        """Complete a task."""
        self.rows["Task"][ref]["Status"] = "Completed"

    def touch(self, tenant: TenantId, lead: LeadId, *, at: int) -> None:
        """Write something."""
        self._of(lead).update(LastModifiedById="005000000000001AAA", LastModifiedDate=iso(Instant(at)))

    def forbid(self, tenant: TenantId, lead: LeadId) -> None:
        """Opt out."""
        self._of(lead)["HasOptedOutOfEmail"] = True
