"""A Chatwoot account in memory: conversations with their messages, teams, agents and labels."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from domain.effect import StepKind
from tests.tools.vendor_server import Asked, Said

TOKEN: Final = "chatwoot-secret"
US: Final = 30
NAMES: Final = {US: "Leadgraph", 31: "Sam Seller", 32: "Ann Other"}
PAGE, LATEST = 100, 20
"""Messages of a page: after one, and of the newest."""


class Wrong(Exception):
    """The contract does not allow the request."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class Talk:
    """A conversation."""

    id: int
    status: str = "pending"
    agent: int = 0
    team: int = 0
    priority: str | None = None
    labels: list[str] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    language: str = ""
    """Of the customer's browser."""

    def shown(self) -> dict[str, Any]:
        """As the account shows it."""
        meta: dict[str, Any] = {"sender": {"id": 1, "name": "A person", "type": "contact"}}
        if self.agent:
            meta["assignee"] = {"id": self.agent, "name": "An agent"}
        if self.team:
            meta["team"] = {"id": self.team, "name": "A team"}
        return {
            "id": self.id, "status": self.status, "priority": self.priority, "labels": list(self.labels),
            "custom_attributes": dict(self.attributes), "meta": meta, "messages": self.messages[-1:],
            "additional_attributes": {"browser_language": self.language} if self.language else {},
        }  # fmt: skip


@dataclass
class FakeChatwoot:
    """Satisfies `Fake`. `ledger` is what was applied: the mark that the request left, and the kind of step."""

    contract: ClassVar = "chatwoot"

    token: str = TOKEN
    talks: dict[int, Talk] = field(
        default_factory=lambda: {42: Talk(42, labels=["billing"], attributes={"plan": "pro"})}
    )
    teams: tuple[int, ...] = (7, 8)
    agents: tuple[int, ...] = (31, 32)
    labels: list[str] = field(default_factory=lambda: ["billing", "sales-handoff", "vip"])
    inboxes: tuple[str, ...] = ("Web", "Mail")
    """Of which we are a member."""
    ledger: list[tuple[str, StepKind]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    numbers: int = 100
    now: int = 0
    """When we write, in seconds since 1970."""

    def handle(self, asked: Asked) -> Said:
        """Answer one request."""
        if asked.headers.get("api_access_token") != self.token:
            return Said(401, {"error": "secret words"})
        try:
            return Said(200, self._route(asked))
        except Wrong as wrong_one:
            if wrong_one.status != 404:
                self.broken.append(f"{asked.method} {asked.path} {asked.body}")
            return Said(wrong_one.status, {"error": "secret words"})

    def _route(self, asked: Asked) -> Any:
        parts = asked.path.strip("/").split("/")
        if (asked.method, parts) == ("GET", ["api", "v1", "profile"]):
            return {"id": US, "name": NAMES[US], "available_name": NAMES[US]}
        if parts[:4] != ["api", "v1", "accounts", "1"] or len(parts) < 5:
            raise Wrong(404)
        if parts[4] == "conversations":
            return self._in_talk(asked, parts[5:])
        if asked.method != "GET" or len(parts) > 5:
            raise Wrong(405)
        return {
            "teams": [{"id": one} for one in self.teams],
            "agents": [{"id": one, "name": NAMES[one]} for one in (US, *self.agents)],
            "inboxes": {"payload": [{"id": n, "name": name} for n, name in enumerate(self.inboxes)]},
            "labels": {"payload": [{"id": n, "title": title} for n, title in enumerate(self.labels)]},
        }[parts[4]]

    def _in_talk(self, asked: Asked, rest: list[str]) -> Any:
        talk = self.talks.get(int(rest[0]))
        if talk is None:
            raise Wrong(404)
        match asked.method, rest[1:]:
            case "GET", []:
                return talk.shown()
            case "GET", ["messages"]:
                return self._listed(talk, asked)
            case "DELETE", ["messages", number]:
                return self._deleted(talk, int(number))
            case "POST" | "PATCH", path:
                return self._write(talk, "/".join(path), asked.body)
        raise Wrong(405)

    def _listed(self, talk: Talk, asked: Asked) -> Any:
        after, before = asked.query.get("after"), asked.query.get("before")
        rows = [one for one in talk.messages if before is None or one["id"] < int(before)][-LATEST:]
        if after is not None:
            rows = [one for one in talk.messages if one["id"] > int(after)][:PAGE]
        return {"meta": {"labels": talk.labels}, "payload": rows}

    def _deleted(self, talk: Talk, number: int) -> Any:
        for one in talk.messages:
            if one["id"] == number and not one["content_attributes"].get("deleted"):
                one["content"], one["content_attributes"] = "This message was deleted", {"deleted": True}
                self.ledger.append((f"remove:{number}", StepKind.REMOVE_NOTE))
        return {}

    def _write(self, talk: Talk, what: str, body: dict[str, Any]) -> Any:
        writes = {
            "messages": self._say, "assignments": self._assign, "labels": self._label, "": self._rank,
            "toggle_status": self._turn, "custom_attributes": self._attribute,
        }  # fmt: skip
        if what not in writes:
            raise Wrong(405)
        return writes[what](talk, dict(body))

    def _say(self, talk: Talk, body: dict[str, Any]) -> Any:
        private = body.get("private")
        if not body.get("content") or body.get("message_type") != "outgoing" or private not in (True, False):
            raise Wrong(422)
        if not private and "leadgraph" in body["content"]:
            raise Wrong(422)  # what is ours alone never reaches a customer
        us = {"id": US, "type": "user"}
        made = self.say(talk.id, body["content"], private=private, sender=us, at=self.now)
        if private:
            mark = body["content"].rpartition("leadgraph:")[2]
            self.ledger.append((mark, StepKind.ADD_NOTE))
        return {**made, "conversation_id": talk.id}

    def _assign(self, talk: Talk, body: dict[str, Any]) -> Any:
        if "assignee_id" in body:
            talk.agent = body["assignee_id"] if body["assignee_id"] in self.agents else 0
            self.happened(talk.id, f"Assigned to {NAMES.get(talk.agent, 'nobody')} by {NAMES[US]}")
            return {"id": talk.agent, "name": "An agent"} if talk.agent else None
        talk.team = body["team_id"] if body["team_id"] in self.teams else 0
        self.happened(talk.id, f"Assigned to team {talk.team} by {NAMES[US]}")
        return {"id": talk.team, "name": "A team"} if talk.team else None

    def _label(self, talk: Talk, body: dict[str, Any]) -> Any:
        talk.labels = list(body["labels"])
        self.happened(talk.id, f"{NAMES[US]} added {', '.join(talk.labels)}")
        return {"payload": talk.labels}

    def _rank(self, talk: Talk, body: dict[str, Any]) -> Any:
        if body["priority"] not in {"urgent", "high", "medium", "low", "none"}:
            raise Wrong(422)
        talk.priority = None if body["priority"] == "none" else body["priority"]
        return talk.shown()

    def _turn(self, talk: Talk, body: dict[str, Any]) -> Any:
        if body["status"] not in {"open", "resolved", "pending", "snoozed"}:
            raise Wrong(422)
        talk.status = body["status"]
        return {"payload": {"success": True, "current_status": talk.status, "conversation_id": talk.id}}

    def _attribute(self, talk: Talk, body: dict[str, Any]) -> Any:
        talk.attributes = dict(body["custom_attributes"])
        self.ledger.append((str(talk.attributes.get("leadgraph_marks", "")).split()[-1], StepKind.HAND_OVER))
        return {"custom_attributes": talk.attributes}

    def say(
        self, talk: int, content: str, *, private: bool = False, sender: Any, at: int = 0
    ) -> dict[str, Any]:
        """A new message; of a person here if `sender` is of type ``user``."""
        self.numbers += 1
        made = {
            "id": self.numbers, "content": content, "message_type": 0 if sender["type"] == "contact" else 1,
            "private": private, "sender": sender, "created_at": at, "content_attributes": {},
        }  # fmt: skip
        self.talks[talk].messages.append(made)
        return made

    def happened(self, talk: int, what: str) -> None:
        """A line of what was done, as Chatwoot writes it."""
        self.say(talk, what, sender={"type": "user"})["message_type"] = 2

    def take(self, talk: int, agent: int) -> None:
        """A person takes it."""
        self.talks[talk].agent = agent
        self.happened(talk, f"{NAMES[agent]} self-assigned this conversation")

    def label(self, talk: int, agent: int, label: str) -> None:
        """A person adds a label."""
        self.talks[talk].labels.append(label)
        self.happened(talk, f"{NAMES[agent]} added {label}")

    def told(self) -> list[str]:
        """What we wrote to customers."""
        return [
            one["content"] for talk in self.talks.values() for one in talk.messages
            if not one["private"] and one["message_type"] == 1 and one["sender"].get("id") == US
        ]  # fmt: skip

    def notes(self) -> list[str]:
        """Private notes that are there."""
        return [
            one["content"] for talk in self.talks.values() for one in talk.messages
            if one["private"] and not one["content_attributes"].get("deleted")
        ]  # fmt: skip
