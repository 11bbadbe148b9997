"""Tokens by OAuth client credentials: asked for when there is none, and when the last is not accepted any more."""

from dataclasses import dataclass, field

import httpx
import orjson

from domain.errors import Temporary, Unauthorized
from tools import addresses
from tools.vendor import TIMEOUT


@dataclass(slots=True)
class Login:
    """Gets a token from Salesforce with the client's own credentials; satisfies `tools.vendor.Renew`."""

    url: str
    """The org's own address (My Domain)."""
    client: str
    secret: str = field(repr=False)
    transport: httpx.AsyncBaseTransport | None = None
    user: str = ""
    """Salesforce's id of the user in whose name we write, known after the first token."""

    async def __call__(self, _stale: str | None) -> str:
        """A new token. Raises: Temporary, Unauthorized."""
        form = {"grant_type": "client_credentials", "client_id": self.client, "client_secret": self.secret}
        url = addresses.checked(self.url).rstrip("/")
        try:
            async with httpx.AsyncClient(
                timeout=TIMEOUT, transport=self.transport, trust_env=False
            ) as client:
                answer = await client.post(f"{url}/services/oauth2/token", data=form)
        except httpx.HTTPError as error:
            raise Temporary(f"salesforce gives no token now ({type(error).__name__})") from None
        if answer.status_code in (400, 401, 403):
            raise Unauthorized("salesforce does not accept the client's credentials", "crm_client_secret")
        try:
            body = orjson.loads(answer.content) if answer.status_code == 200 else {}
            token, self.user = str(body["access_token"]), str(body.get("id", "")).rpartition("/")[2]
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            raise Temporary(f"salesforce gives no token now ({answer.status_code})") from None
        return token
