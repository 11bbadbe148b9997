"""A Zendesk account in memory: tickets with their comments, fields, groups and agents."""

import html
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from domain.effect import StepKind
from tests.tools.vendor_server import Asked, Said

TOKEN: Final = "bot@company.example/token:zendesk-secret"
BASIC: Final = "Basic Ym90QGNvbXBhbnkuZXhhbXBsZS90b2tlbjp6ZW5kZXNrLXNlY3JldA=="
US: Final = 900
CUSTOMER: Final = 1
START: Final = datetime(2024, 1, 1, tzinfo=UTC)
FIELDS: Final = {"leadgraph_marks": 5001, "leadgraph_queue": 5002}
VALUES: Final = frozenset({"group_id", "assignee_id", "priority", "status", "custom_fields"})
"""What of a ticket may be written; `tags` would replace those of others."""


class Wrong(Exception):
    """A request that Zendesk refuses, with the status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class Ticket:
    """A ticket."""

    id: int
    status: str = "new"
    priority: str | None = None
    group: int | None = None
    assignee: int | None = None
    tags: list[str] = field(default_factory=lambda: ["billing"])
    fields: dict[int, str | None] = field(default_factory=lambda: {7: "pro", 5001: None, 5002: None})
    comments: list[dict[str, Any]] = field(default_factory=list)
    changes: int = 0

    @property
    def stamp(self) -> str:
        """When it was changed last."""
        return (START + timedelta(seconds=self.changes)).isoformat().replace("+00:00", "Z")

    def shown(self) -> dict[str, Any]:
        """As the account shows it."""
        return {
            "id": self.id, "status": self.status, "priority": self.priority, "group_id": self.group,
            "assignee_id": self.assignee, "tags": list(self.tags), "updated_at": self.stamp,
            "requester_id": CUSTOMER, "custom_fields": [{"id": n, "value": v} for n, v in self.fields.items()],
        }  # fmt: skip


@dataclass
class FakeZendesk:
    """Satisfies `Fake`. `ledger` is what was applied: the mark that the request left, and the kind of step."""

    contract: ClassVar = "zendesk"
    token: str = TOKEN
    accepted: str = BASIC
    tickets: dict[int, Ticket] = field(default_factory=lambda: {42: Ticket(42)})
    groups: tuple[int, ...] = (7, 8)
    roles: dict[int, str] = field(
        default_factory=lambda: {US: "agent", 31: "agent", 32: "admin", CUSTOMER: "end-user"}
    )
    titles: dict[str, int] = field(default_factory=lambda: {"Type": 7, **FIELDS})
    page: int = 100
    now: int = 0
    """When we write, in seconds since 1970; 0: when the ticket was changed last."""
    ledger: list[tuple[str, StepKind]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def handle(self, asked: Asked) -> Said:
        """Answer one request."""
        if asked.headers.get("authorization") != self.accepted:
            return Said(401, {"error": "Couldn't authenticate you: secret"})
        if "idempotency-key" in asked.headers:
            self.broken.append(f"{asked.method} {asked.path}: an idempotency key is for new tickets")
        try:
            return Said(200, self._route(asked, asked.path.removeprefix("/api/v2/").split("/")))
        except Wrong as wrong:
            if wrong.status == 422:
                self.broken.append(f"{asked.method} {asked.path} {asked.body}")
            return Said(wrong.status, {"error": "secret words", "description": "secret"})
        except (KeyError, ValueError):
            return Said(404, {"error": "RecordNotFound", "description": "secret"})

    def _route(self, asked: Asked, parts: list[str]) -> Any:
        match asked.method, parts:
            case "GET", ["tickets", ref]:
                return {"ticket": self.tickets[int(ref)].shown()}
            case "GET", ["tickets", ref, "comments"]:
                return self._comments(self.tickets[int(ref)], asked)
            case "GET", _:
                return self._read(asked, parts)
            case "PUT", ["tickets", ref]:
                return self._update(self.tickets[int(ref)], asked.body["ticket"])
            case "PUT" | "DELETE", ["tickets", ref, "tags"]:
                return self._tag(self._open(self.tickets[int(ref)]), asked)
            case "PUT", ["comment_redactions", ref]:
                return self._redact(int(ref), asked.body)
        raise KeyError(asked.path)

    def _read(self, asked: Asked, parts: list[str]) -> Any:
        match parts:
            case ["users", ref]:
                number = US if ref == "me" else int(ref)
                return {"user": {"id": number, "role": self.roles[number]}}
            case ["groups"]:
                return self._paged("groups", [{"id": one} for one in self.groups], asked)
            case ["ticket_fields"]:
                rows = [{"id": number, "title": title} for title, number in self.titles.items()]
                return self._paged("ticket_fields", rows, asked)
        raise KeyError(asked.path)

    def _paged(self, name: str, rows: list[dict[str, Any]], asked: Asked, **more: Any) -> Any:
        start = int(asked.query.get("page[after]", "0"))
        end = start + min(self.page, int(asked.query["page[size]"]))
        meta = {"has_more": end < len(rows), "after_cursor": str(end)}
        return {name: rows[start:end], "meta": meta, **more}

    def _comments(self, ticket: Ticket, asked: Asked) -> Any:
        rows = ticket.comments[::-1] if asked.query.get("sort") == "-created_at" else ticket.comments
        users = [{"id": number, "role": role} for number, role in self.roles.items()]
        return self._paged("comments", rows, asked, users=users)

    @staticmethod
    def _open(ticket: Ticket) -> Ticket:
        if ticket.status == "closed":
            raise Wrong(422)
        return ticket

    def _update(self, ticket: Ticket, values: dict[str, Any]) -> Any:
        self._open(ticket)
        if values.pop("safe_update", False) and values.pop("updated_stamp") != ticket.stamp:
            raise Wrong(409)
        if "comment" in values:
            return self._note(ticket, values)
        if values.keys() - VALUES or not self._known(values):
            raise Wrong(422)
        rows = values.pop("custom_fields", [])
        for name, value in values.items():
            setattr(ticket, name.removesuffix("_id"), value)
        ticket.fields |= {row["id"]: row["value"] for row in rows}
        ticket.changes += 1
        for row in rows:
            if row["id"] == FIELDS["leadgraph_marks"]:
                self.ledger.append((row["value"].split()[-1], StepKind.HAND_OVER))
        return {"ticket": ticket.shown(), "audit": {"events": []}}

    def _known(self, values: dict[str, Any]) -> bool:
        """If all values are ones that the account takes."""
        return (
            values.get("group_id") in (None, *self.groups)
            and values.get("assignee_id") in (None, *self.roles)
            and values.get("priority") in (None, "low", "normal", "high", "urgent")
            and values.get("status", "open") in ("open", "pending", "hold", "solved")
            and all(row["id"] in self.titles.values() for row in values.get("custom_fields", []))
        )

    def _note(self, ticket: Ticket, values: dict[str, Any]) -> Any:
        comment = values["comment"]
        public = comment.get("public")
        if public not in (True, False) or values.keys() != {"comment"}:
            raise Wrong(422)
        if public and "leadgraph" in comment["html_body"]:
            raise Wrong(422)  # what is ours alone never reaches a customer
        made = self.say(ticket.id, comment["html_body"], author=US, public=public)
        if self.now:
            made["created_at"] = datetime.fromtimestamp(self.now, UTC).isoformat()
        if not public:
            self.ledger.append((made["body"].rpartition("leadgraph:")[2].strip(), StepKind.ADD_NOTE))
        event = {"id": made["id"], "type": "Comment", "public": public}
        return {"ticket": ticket.shown(), "audit": {"events": [{"id": 1, "type": "Change"}, event]}}

    def _tag(self, ticket: Ticket, asked: Asked) -> Any:
        for tag in asked.body["tags"]:
            if asked.method == "PUT" and tag not in ticket.tags:
                ticket.tags.append(tag)
            if asked.method == "DELETE" and tag in ticket.tags:
                ticket.tags.remove(tag)
        ticket.changes += 1
        return {"tags": list(ticket.tags)}

    def _redact(self, number: int, body: dict[str, Any]) -> Any:
        ticket = self.tickets[body["ticket_id"]]
        comment = next(one for one in ticket.comments if one["id"] == number)
        if re.sub(r"</?redact>", "", body["html_body"]) != comment["html_body"]:
            raise Wrong(422)
        if "leadgraph:" in comment["body"]:
            self.ledger.append((f"remove:{number}", StepKind.REMOVE_NOTE))
        comment["html_body"] = re.sub(r"<redact>([^<]*)</redact>", "▇▇▇", body["html_body"])
        comment["body"] = html.unescape(re.sub(r"<[^>]+>", " ", comment["html_body"]))
        return {"comment": comment}

    def say(
        self, ticket: int, body: str, *, author: int, public: bool = True, rule: bool = False
    ) -> dict[str, Any]:
        """A new comment; the ticket has changed."""
        comments = self.tickets[ticket].comments
        self.tickets[ticket].changes += 1
        made = {
            "id": ticket * 10_000 + len(comments), "author_id": author, "public": public,
            "html_body": f'<div class="zd-comment">{body}</div>', "body": html.unescape(re.sub(r"<[^>]+>", " ", body)),
            "created_at": self.tickets[ticket].stamp, "via": {"channel": "rule" if rule else "api"},
        }  # fmt: skip
        comments.append(made)
        return made

    def take(self, ticket: int, agent: int) -> None:
        """A person takes it."""
        self.tickets[ticket].assignee = agent
        self.tickets[ticket].changes += 1

    def told(self) -> list[str]:
        """What we wrote to customers."""
        said = [one for ticket in self.tickets.values() for one in ticket.comments]
        return [one["body"].strip() for one in said if one["public"] and one["author_id"] == US]

    def notes(self) -> list[str]:
        """Notes that are there."""
        said = [one for ticket in self.tickets.values() for one in ticket.comments]
        return [one["body"] for one in said if not one["public"] and "▇" not in one["body"]]
