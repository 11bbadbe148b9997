"""Tokens of HubSpot by a refresh token: asked for before the last one ends, or once when it is not accepted.

One worker asks for all: whoever has the turn looks first whether another has got a token meanwhile. What HubSpot gives
is sealed in the home before it is used; a refresh token that it gives anew takes the place of the one before. All of it
runs in a thread: whoever gives up waiting does not keep a token that HubSpot has given from being kept.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import httpx
import orjson

from domain.errors import ConfigError, Temporary, Throttled, Unauthorized
from domain.instants import MINUTE, SECOND
from tools import addresses
from tools.credentials import Credentials
from tools.retry_after import retry_after_s
from tools.vendor import Lent

PATH: Final = "/oauth/2026-03/token"
EARLY: Final = MINUTE
"""A token is not used in its last minute."""
USUAL_S: Final = 1_800
"""How long a token of HubSpot holds, where the answer does not say."""
TIMEOUT: Final = httpx.Timeout(connect=3.0, read=8.0, write=3.0, pool=3.0)
SETTING: Final = "crm_refresh_token"
PREFIX: Final = "grant-hubspot-"
"""Under which names it is kept what came of a refresh token."""


@dataclass(frozen=True, slots=True)
class _Grant:
    """What came of a refresh token: the one that is good now, and an access token until the Instant `until`."""

    refresh: str = field(repr=False)
    access: str = field(default="", repr=False)
    until: int = 0

    def text(self) -> str:
        return orjson.dumps([self.refresh, self.access, self.until]).decode()


@dataclass(slots=True)
class RefreshLogin:
    """Satisfies `tools.vendor.Renew`."""

    url: str
    client: str
    secret: str = field(repr=False)
    given: str = field(repr=False)
    """The refresh token that a person gave."""
    kept: Credentials
    now: Callable[[], int]
    """The real time, as an Instant, whatever time a home is on."""
    transport: httpx.BaseTransport | None = None
    sealed: bool = False
    """Whether `given` lies among `kept` itself: once a person has it forgotten, nothing that comes of it is kept."""
    _unkept: _Grant | None = field(default=None, repr=False)
    """Given by HubSpot and not on disk yet; not used before it is."""

    async def __call__(self, stale: str | None) -> Lent:
        """A token that is not `stale`. Raises: ConfigError, Temporary, Throttled, Unauthorized."""
        return await asyncio.to_thread(self._renewed, stale)

    @property
    def name(self) -> str:
        """Where it is kept what came of this refresh token: a person may give another one while this one is in use."""
        return PREFIX + sha256(b"leadgraph grant\x00" + self.given.encode()).hexdigest()[:12]

    def _renewed(self, stale: str | None) -> Lent:
        with _local(), self.kept.turn("hubspot"):
            if self._unkept is not None:
                self._keep(self._unkept)
            grant = self._grant()
            if grant.access in ("", stale) or not self._good(grant):
                grant = self._asked(grant.refresh)
                self._keep(grant)
        return Lent(grant.access, lambda: self._good(grant))

    def _good(self, grant: _Grant) -> bool:
        return self.now() < grant.until - EARLY

    def _grant(self) -> _Grant:
        text = self.kept.get(self.name)
        return _Grant(self.given) if text is None else _Grant(*orjson.loads(text))

    def _keep(self, grant: _Grant) -> None:
        """On disk when this returns, if it may be. Raises: Temporary; then it is kept by the next call."""
        self._unkept = grant
        try:
            ages = self.kept.ages()
            if self.sealed and SETTING not in ages:
                self._unkept = None
                return
            fresh = self.name not in ages
            self.kept.put(self.name, grant.text())
            if fresh:
                self._tidy()
        except ConfigError as error:
            raise Temporary(f"hubspot's token cannot be kept now ({error})") from None
        self._unkept = None

    def _tidy(self) -> None:
        """Of earlier refresh tokens the latest stays: a worker that has not been restarted may live on it."""
        ages = self.kept.ages()
        others = [name for name in ages if name.startswith(PREFIX) and name != self.name]
        for name in sorted(others, key=ages.__getitem__)[:-1]:
            self.kept.forget(name)

    def _asked(self, refresh: str) -> _Grant:
        form = {
            "grant_type": "refresh_token", "client_id": self.client, "client_secret": self.secret,
            "refresh_token": refresh,
        }  # fmt: skip
        url = addresses.checked(self.url).rstrip("/")
        try:
            with httpx.Client(timeout=TIMEOUT, transport=self.transport, trust_env=False) as client:
                answer = client.post(url + PATH, data=form)
        except httpx.HTTPError as error:
            raise Temporary(f"hubspot gives no token now ({type(error).__name__})") from None
        if answer.status_code == 429:
            wait = retry_after_s(answer.headers.get("retry-after"), now=self.now())
            raise Throttled("hubspot gives no token for now", wait)
        if answer.status_code in (400, 401, 403):
            raise _refused(answer)
        return self._given(answer, refresh)

    def _given(self, answer: httpx.Response, refresh: str) -> _Grant:
        try:
            body = orjson.loads(answer.content) if answer.status_code == 200 else {}
            access, seconds = body["access_token"], body.get("expires_in", USUAL_S)
            fresh = body.get("refresh_token") or refresh
            if not isinstance(access, str) or not access or not isinstance(fresh, str):
                raise TypeError
            until = self.now() + max(0, round(float(seconds))) * SECOND
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, OverflowError, AttributeError):
            raise Temporary(f"hubspot gives no token now ({answer.status_code})") from None
        return _Grant(fresh, access, until)


async def introspected(url: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    """What HubSpot tells of a token of an OAuth app: ``scopes`` and ``app_id`` among it; empty if it tells nothing.

    Raises: ConfigError, Temporary.
    """
    place = f"{addresses.checked(url).rstrip('/')}{PATH}/introspect"
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            answer = await client.post(place, data=dict(form))
        body = orjson.loads(answer.content) if answer.status_code == 200 else {}
    except (httpx.HTTPError, orjson.JSONDecodeError) as error:
        raise Temporary(f"hubspot tells nothing of the token now ({type(error).__name__})") from None
    return body if isinstance(body, dict) else {}


@contextmanager
def _local() -> Iterator[None]:
    """A fault of the home says nothing of our credentials. Raises: Temporary for it."""
    try:
        yield
    except ConfigError as error:
        raise Temporary(f"hubspot's token cannot be read now ({error})") from None


def _refused(answer: httpx.Response) -> Unauthorized:
    """Names the setting that is wrong, by the code of the answer; none of its words go further."""
    try:
        body: Any = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        body = None
    client = isinstance(body, dict) and body.get("error") in ("invalid_client", "unauthorized_client")
    setting = "crm_client_secret" if client else SETTING
    return Unauthorized(f"hubspot does not accept {setting}; run leadgraph connect hubspot", setting)
