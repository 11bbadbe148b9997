"""Accounts as a newcomer has them: nothing of ours is there yet, and the vendor makes what it is asked to make."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.tools.crm.fake_hubspot import FakeHubSpot
from tests.tools.desk.fake_chatwoot import FakeChatwoot
from tests.tools.desk.fake_zendesk import FakeZendesk
from tests.tools.vendor_server import Asked, Said

HOOK_SECRET = "secret-of-the-new-webhook"


@dataclass
class FreshHubSpot:
    """HubSpot before `leadgraph connect`."""

    contract: ClassVar = "hubspot"
    inner: FakeHubSpot = field(default_factory=FakeHubSpot)
    groups: dict[str, list[str]] = field(default_factory=dict)
    may_make: bool = True
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for kind, made in self.inner.made.items():
            self.inner.made[kind] = [one for one in made if not one["name"].startswith("leadgraph_")]

    @property
    def token(self) -> str:
        return self.inner.token

    def handle(self, asked: Asked) -> Said:
        parts = asked.path.strip("/").split("/")
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return self.inner.handle(asked)
        if parts == ["account-info", "v3", "details"]:
            return Said(200, {"portalId": 62515, "accountType": "STANDARD"})
        if parts[:3] != ["crm", "v3", "properties"]:
            return self.inner.handle(asked)
        kind = parts[3]
        if parts[4:] == ["groups"]:
            return self._group(kind, asked)
        return self._made(kind, asked.body) if asked.method == "POST" else self.inner.handle(asked)

    def _group(self, kind: str, asked: Asked) -> Said:
        there = self.groups.setdefault(kind, ["contactinformation"])
        if asked.method == "GET":
            return Said(200, {"results": [{"name": name} for name in there]})
        there.append(asked.body["name"])
        return Said(201, asked.body)

    def _made(self, kind: str, body: dict[str, Any]) -> Said:
        if not self.may_make:
            return Said(403, {"status": "error", "category": "MISSING_SCOPES"})
        needed = {"name", "label", "type", "fieldType", "groupName"}
        if not needed <= body.keys() or body["groupName"] not in self.groups.get(kind, []):
            return Said(400, {"status": "error", "category": "VALIDATION_ERROR"})
        if body["name"] in {one["name"] for one in self.inner.made[kind]}:
            return Said(409, {"status": "error", "category": "OBJECT_ALREADY_EXISTS"})
        self.inner.made[kind].append(
            {"name": body["name"], "type": body["type"], "hasUniqueValue": body.get("hasUniqueValue", False)}
        )
        return Said(201, body)


@dataclass
class FreshChatwoot:
    """Chatwoot before `leadgraph connect`, asked by an administrator."""

    contract: ClassVar = "chatwoot"
    inner: FakeChatwoot = field(default_factory=lambda: FakeChatwoot(labels=["billing"]))
    broken: list[str] = field(default_factory=list)
    attributes: list[dict[str, Any]] = field(default_factory=list)
    hooks: list[dict[str, Any]] = field(default_factory=list)
    administers: bool = True

    @property
    def token(self) -> str:
        return self.inner.token

    def handle(self, asked: Asked) -> Said:
        what = asked.path.rpartition("/")[2]
        if asked.headers.get("api_access_token") != self.token:
            return self.inner.handle(asked)
        if what == "profile":
            return Said(200, {"id": 5, "name": "Leadgraph", "role": "administrator", "account_id": 1})
        if what == "custom_attribute_definitions":
            return self._attribute(asked)
        if not self.administers and (asked.writes or "/webhooks" in asked.path):
            return Said(401, {"error": "You are not authorized to do this action"})
        if "/webhooks" in asked.path:
            return self._hook(asked)
        if what == "labels" and asked.method == "POST" and "conversations" not in asked.path:
            self.inner.labels.append(asked.body["title"])
            return Said(200, asked.body)
        return self.inner.handle(asked)

    def _attribute(self, asked: Asked) -> Said:
        if asked.method == "GET":
            return Said(200, self.attributes)
        named = {"attribute_model": "conversation_attribute", "attribute_display_type": "text"}
        self.attributes.append({**asked.body, **named})
        return Said(200, self.attributes[-1])

    def _hook(self, asked: Asked) -> Said:
        if asked.method == "GET":
            return Said(200, {"payload": {"webhooks": self.hooks}})
        if asked.method == "PATCH":
            (hook,) = [one for one in self.hooks if str(one["id"]) == asked.path.rpartition("/")[2]]
            hook |= asked.body
            return Said(200, {"payload": {"webhook": hook}})
        hook = {"id": len(self.hooks) + 1, "account_id": 1, "secret": HOOK_SECRET, **asked.body}
        self.hooks.append(hook)
        return Said(200, {"payload": {"webhook": hook}})


@dataclass
class FreshZendesk:
    """Zendesk before `leadgraph connect`, asked by an administrator."""

    contract: ClassVar = "zendesk"

    inner: FakeZendesk = field(default_factory=lambda: FakeZendesk(titles={"plan": 7}))
    hooks: list[dict[str, Any]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def handle(self, asked: Asked) -> Said:
        parts = asked.path.removeprefix("/api/v2/").split("/")
        if asked.headers.get("authorization") != self.inner.accepted or parts[0] not in (
            "webhooks",
            "ticket_fields",
        ):
            return self.inner.handle(asked)
        if parts == ["ticket_fields"] and asked.method == "POST":
            self.inner.titles[asked.body["ticket_field"]["title"]] = 5_001 + len(self.inner.titles)
            return Said(201, asked.body)
        if parts[0] != "webhooks":
            return self.inner.handle(asked)
        if parts[2:] == ["signing_secret"]:
            return Said(200, {"signing_secret": {"algorithm": "SHA256", "secret": HOOK_SECRET}})
        if asked.method == "GET":
            return Said(200, {"webhooks": self.hooks})
        if asked.method == "PATCH":
            (hook,) = [one for one in self.hooks if one["id"] == parts[1]]
            hook |= asked.body["webhook"]
            return Said(204)
        self.hooks.append({"id": f"01HOOK{len(self.hooks)}", **asked.body["webhook"]})
        return Said(201, {"webhook": self.hooks[-1]})
