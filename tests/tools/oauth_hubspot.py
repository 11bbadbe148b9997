"""HubSpot as an OAuth app meets it: refresh tokens that are used up, access tokens that end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.tools.vendor_server import Asked, Said
from tools.refresh import PATH

CLIENT, SECRET = "client-id", "client-secret-of-the-app"


@dataclass
class OAuthHubSpot:
    """Satisfies `Fake`; whatever is asked with a good token goes to `inner`, or is answered with 200."""

    refresh: str = "refresh-0"
    token: str = ""
    seconds: Any = 1_800
    given: int = 0
    rotates: bool = True
    scopes: tuple[str, ...] = ("oauth", "crm.objects.contacts.read")
    inner: Any = None
    before: Callable[[], object] = lambda: None
    """Called when a token is asked for."""
    used: list[str] = field(default_factory=list)
    """Access tokens that were shown and accepted."""

    def handle(self, asked: Asked) -> Said:
        if asked.path == PATH:
            return self._granted({name: one[0] for name, one in parse_qs(asked.raw.decode()).items()})
        if asked.path == f"{PATH}/introspect":
            return self._told({name: one[0] for name, one in parse_qs(asked.raw.decode()).items()})
        if not self.token or asked.headers.get("authorization") != f"Bearer {self.token}":
            return Said(401, {"status": "error", "category": "EXPIRED_AUTHENTICATION"})
        self.used.append(self.token)
        if self.inner is None:
            return Said(200, {"results": []})
        self.inner.inner.token = self.token
        answer: Said = self.inner.handle(asked)
        return answer

    def _told(self, form: dict[str, str]) -> Said:
        who = (form.get("client_id"), form.get("client_secret"), form.get("token"))
        if who != (CLIENT, SECRET, self.token):
            return Said(401, {"error": "invalid_client", "error_description": "secret words"})
        return Said(200, {"active": True, "hub_id": 62515, "app_id": 88, "scopes": self.scopes})

    def _granted(self, form: dict[str, str]) -> Said:
        self.before()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return Said(401, {"error": "invalid_client", "error_description": "secret words"})
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh:
            return Said(400, {"error": "invalid_grant", "status": "BAD_REFRESH_TOKEN"})
        self.given += 1
        self.token = f"access-{self.given}"
        if self.rotates:
            self.refresh = f"refresh-{self.given}"
        body = {"token_type": "bearer", "access_token": self.token, "refresh_token": self.refresh}
        return Said(200, body | {"expires_in": self.seconds})
