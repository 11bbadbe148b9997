"""Tokens of Salesforce: asked for when there is none, and when the last is not accepted any more.

By the client's own credentials, or by a signed statement (JWT bearer) where an org allows no secret. Neither gives a
token to renew with: a new one is asked for in the same way.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from domain.errors import ConfigError, Temporary, Unauthorized
from domain.instants import SECOND
from tools import addresses
from tools.vendor import TIMEOUT

PRODUCTION: Final = "https://login.salesforce.com"
"""Whom a statement is for; sandboxes have another."""
VALID_S: Final = 120
"""Seconds for which a statement holds; Salesforce takes three minutes at most."""
SHORTEST_KEY: Final = 2_048
"""Bits of an RSA key."""
_STATEMENT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


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
    org: str = ""
    """Its id of the organisation, known likewise."""

    @property
    def setting(self) -> str:
        """Where a person renews our credentials."""
        return "crm_client_secret"

    async def form(self) -> Mapping[str, str]:
        """What is posted for a token. Raises: ConfigError."""
        return {"grant_type": "client_credentials", "client_id": self.client, "client_secret": self.secret}

    async def __call__(self, _stale: str | None) -> str:
        """A new token. Raises: ConfigError, Temporary, Unauthorized."""
        form = await self.form()
        url = addresses.checked(self.url).rstrip("/")
        try:
            async with httpx.AsyncClient(
                timeout=TIMEOUT, transport=self.transport, trust_env=False
            ) as client:
                answer = await client.post(f"{url}/services/oauth2/token", data=dict(form))
        except httpx.HTTPError as error:
            raise Temporary(f"salesforce gives no token now ({type(error).__name__})") from None
        if answer.status_code in (400, 401, 403):
            raise Unauthorized("salesforce does not accept the client's credentials", self.setting)
        try:
            body = orjson.loads(answer.content) if answer.status_code == 200 else {}
            token, ids = str(body["access_token"]), ["", *str(body.get("id", "")).split("/")]
            self.org, self.user = ids[-2:]
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            raise Temporary(f"salesforce gives no token now ({answer.status_code})") from None
        return token


@dataclass(slots=True)
class StatementLogin(Login):
    """The same by a statement that is signed with the client's private key. `secret` stays empty."""

    key_file: Path | None = field(default=None, kw_only=True)
    """RSA, in PEM form; read anew each time, so that it is replaced without a restart."""
    key: str = field(default="", repr=False, kw_only=True)
    """The key itself, where no file is named."""
    subject: str = field(default="", kw_only=True)
    """Name of the user in whose name we log in."""
    audience: str = field(default=PRODUCTION, kw_only=True)
    now: Callable[[], int] = field(kw_only=True)
    """The real time, as an Instant, whatever time a home is on."""

    @property
    def setting(self) -> str:
        """Where a person renews our credentials."""
        return "crm_jwt_key_file" if self.key_file is not None else "crm_jwt_key"

    async def form(self) -> Mapping[str, str]:
        """A fresh statement. Raises: ConfigError, without a word of the key."""
        return {"grant_type": _STATEMENT, "assertion": await asyncio.to_thread(self._statement)}

    def _statement(self) -> str:
        try:
            pem = self.key.encode() if self.key_file is None else self.key_file.read_bytes()
        except OSError as error:
            raise ConfigError(f"{self.setting}: cannot be read ({error.strerror})") from None
        key = private_key(pem, self.setting)
        claims = {
            "iss": self.client, "sub": self.subject, "aud": self.audience, "exp": self.now() // SECOND + VALID_S,
        }  # fmt: skip
        return jwt.encode(claims, key, algorithm="RS256")


def private_key(pem: bytes, setting: str) -> RSAPrivateKey:
    """The key that `setting` holds. Raises: ConfigError, without a word of it."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise ConfigError(f"{setting}: no private key in PEM form without a password") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < SHORTEST_KEY:
        raise ConfigError(f"{setting}: an RSA key of {SHORTEST_KEY} bits or more is needed")
    return key
