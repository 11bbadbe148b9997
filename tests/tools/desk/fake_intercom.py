"""An Intercom workspace in memory: conversations with their parts, tags, teams and admins."""

import html
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from domain.effect import StepKind
from tests.tools.vendor_server import Asked, Said

TOKEN: Final = "intercom-secret"
US: Final = "900"
CONTACT: Final = "5ba682d23d7cf92bef87bfd4"
SHOWN: Final = 500
"""Parts that are shown of a conversation, the newest."""


@dataclass
class Talk:
    """A conversation."""

    id: str
    open: bool = False
    admin: int | None = None
    team: int | None = None
    tags: list[str] = field(default_factory=lambda: ["55"])
    attributes: dict[str, Any] = field(default_factory=lambda: {"plan": "pro"})
    parts: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """As the workspace shows it."""
        return {
            "type": "conversation", "id": self.id, "open": self.open, "state": "open" if self.open else "closed",
            "admin_assignee_id": self.admin, "team_assignee_id": self.team,
            "tags": {"type": "tag.list", "tags": [{"id": one} for one in self.tags]},
            "custom_attributes": dict(self.attributes),
            "conversation_parts": {"conversation_parts": self.parts[-SHOWN:], "total_count": len(self.parts)},
        }  # fmt: skip


@dataclass
class FakeIntercom:
    """Satisfies `Fake`. `ledger` is what was applied: the mark that the request left, and the kind of step."""

    contract: ClassVar = "intercom"

    token: str = TOKEN
    talks: dict[str, Talk] = field(default_factory=lambda: {"42": Talk("42")})
    teams: tuple[str, ...] = ("7", "8")
    admins: tuple[str, ...] = (US, "31", "32")
    tags: list[str] = field(default_factory=lambda: ["55", "66"])
    attributes: list[str] = field(
        default_factory=lambda: ["leadgraph_marks", "leadgraph_queue", "leadgraph_priority"]
    )
    contacts: dict[str, dict[str, Any]] = field(default_factory=lambda: {CONTACT: {"plan": "pro"}})
    """By id, the attributes of each."""
    described: dict[str, str] = field(
        default_factory=lambda: {
            "leadgraph_points": "integer", "leadgraph_band": "string", "leadgraph_marks": "string", "plan": "string",
        }
    )  # fmt: skip
    """Attributes of contacts, with their types."""
    ledger: list[tuple[str, StepKind]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    now: int = 0
    """When we write, in seconds since 1970."""

    def handle(self, asked: Asked) -> Said:
        """Answer one request."""
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return Said(
                401, {"type": "error.list", "errors": [{"code": "unauthorized", "message": "secret"}]}
            )
        if asked.headers.get("intercom-version") != "2.15":
            self.broken.append(f"{asked.method} {asked.path}: no version")
            return Said(400, {"type": "error.list", "errors": [{"code": "intercom_version_invalid"}]})
        try:
            of_contacts = asked.path.startswith("/contacts/") or asked.query.get("model") == "contact"
            route = self._people if of_contacts else self._route
            return Said(200, route(asked, asked.path.strip("/").split("/")))
        except KeyError:
            return Said(404, {"type": "error.list", "errors": [{"code": "not_found", "message": "secret"}]})

    def _route(self, asked: Asked, parts: list[str]) -> Any:
        match asked.method, parts:
            case "GET", ["teams" | "admins" | "tags" | "data_attributes" as what]:
                return self._listed(what)
            case "POST", ["conversations", "redact"]:
                return self._redact(asked.body)
            case "GET", ["conversations", ref]:
                return self.talks[ref].shown()
            case "PUT", ["conversations", ref]:
                return self._attribute(self.talks[ref], asked.body["custom_attributes"])
            case "POST" | "DELETE", ["conversations", ref, what, *more]:
                return self._write(self.talks[ref], what, more, asked)
        raise KeyError(asked.path)

    def _listed(self, what: str) -> Any:
        if what == "data_attributes":
            return {"type": "list", "data": [{"name": name} for name in self.attributes]}
        rows = [{"id": one} for one in getattr(self, what)]
        if what == "tags":
            return {"type": "list", "data": rows}
        return {"type": f"{what.removesuffix('s')}.list", what: rows}

    def _people(self, asked: Asked, parts: list[str]) -> Any:
        match asked.method, parts:
            case "GET", ["contacts", ref]:
                return self._contact(ref)
            case "PUT", ["contacts", ref]:
                return self._set(ref, asked.body["custom_attributes"])
            case "GET", ["data_attributes"]:
                rows = [{"name": name, "data_type": kind} for name, kind in self.described.items()]
                return {"type": "list", "data": rows}
        raise KeyError(asked.path)

    def _contact(self, ref: str) -> Any:
        return {"type": "contact", "id": ref, "role": "user", "custom_attributes": dict(self.contacts[ref])}

    def _set(self, ref: str, values: dict[str, Any]) -> Any:
        for name, value in values.items():
            kind = {"integer": int, "string": str}[self.described[name]]
            if value is not None and (not isinstance(value, kind) or len(str(value)) > 255):
                raise KeyError(name)
        self.contacts[ref] |= values
        self.ledger.append((values["leadgraph_marks"].split()[-1], StepKind.SET_FIELDS))
        return self._contact(ref)

    def _write(self, talk: Talk, what: str, more: list[str], asked: Asked) -> Any:
        body = asked.body
        if body.get("admin_id") != US:
            raise KeyError("admin")
        if what == "reply":
            self._note(talk, body)
        elif what == "parts":
            self._turn(talk, body)
        elif asked.method == "DELETE":
            talk.tags.remove(more[0])
        elif body["id"] in self.tags and body["id"] not in talk.tags:
            talk.tags.append(body["id"])
        return talk.shown()

    def _note(self, talk: Talk, body: dict[str, Any]) -> None:
        if body["message_type"] not in ("note", "comment"):
            raise KeyError(body["message_type"])
        us = {"type": "admin", "id": US}
        self.say(talk.id, body["body"], kind=body["message_type"], author=us, at=self.now)
        if body["message_type"] == "comment":
            if "leadgraph" in body["body"]:
                raise KeyError("what is ours alone never reaches a customer")
            return
        mark = html.unescape(body["body"]).rpartition("leadgraph:")[2].removesuffix("</p>")
        self.ledger.append((mark, StepKind.ADD_NOTE))

    def _turn(self, talk: Talk, body: dict[str, Any]) -> None:
        match body["message_type"], body.get("type"):
            case "assignment", "team":
                talk.team = int(body["assignee_id"]) if body["assignee_id"] in self.teams else None
            case "assignment", "admin":
                talk.admin = int(body["assignee_id"]) if body["assignee_id"] in self.admins else None
            case "open", _:
                talk.open = True
            case _:
                talk.open = False
        made = self.say(talk.id, "", kind=body["message_type"], author={"type": "admin", "id": US})
        if "assignee_id" in body:
            made["assigned_to"] = {"type": body["type"], "id": body["assignee_id"]}

    def _attribute(self, talk: Talk, values: dict[str, Any]) -> Any:
        if any(len(str(value)) > 255 for value in values.values()) or "leadgraph_marks" not in values:
            raise KeyError("attribute")
        talk.attributes |= values
        self.ledger.append((values["leadgraph_marks"].split()[-1], StepKind.HAND_OVER))
        return talk.shown()

    def _redact(self, body: dict[str, Any]) -> Any:
        talk = self.talks[body["conversation_id"]]
        for part in talk.parts:
            if part["id"] == body["conversation_part_id"] and not part.get("redacted"):
                part["body"], part["redacted"] = None, True
                self.ledger.append((f"remove:{part['id']}", StepKind.REMOVE_NOTE))
        return talk.shown()

    def say(self, talk: str, body: str, *, kind: str = "comment", author: Any, at: int = 0) -> dict[str, Any]:
        """A new part."""
        parts = self.talks[talk].parts
        made = {
            "id": str(1000 + len(parts)),
            "part_type": kind,
            "body": body,
            "author": author,
            "created_at": at,
        }
        parts.append(made)
        return made

    def take(self, talk: str, admin: int) -> None:
        """A person takes it."""
        self.talks[talk].admin = admin
        made = self.say(talk, "", kind="assignment", author={"type": "admin", "id": str(admin)})
        made["assigned_to"] = {"type": "admin", "id": str(admin)}

    def told(self) -> list[str]:
        """What we wrote to customers."""
        return [
            one["body"] for talk in self.talks.values() for one in talk.parts
            if one["part_type"] == "comment" and one["author"].get("id") == US
        ]  # fmt: skip

    def notes(self) -> list[str]:
        """Notes that are there."""
        return [
            one["body"] for talk in self.talks.values() for one in talk.parts
            if one["part_type"] == "note" and not one.get("redacted")
        ]  # fmt: skip
