"""A vendor's HTTP API: one request at a time, and what each answer means for a read and for a write.

Until the connection stands nothing can have happened; from the first byte that we send, only an answer that we
understand tells us. No redirect is followed, and no token shows in an error.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson

from domain.errors import (
    ConfigError,
    LeadgraphError,
    OutcomeUnknown,
    Refused,
    Temporary,
    Throttled,
    Unauthorized,
)
from domain.instants import SECOND
from domain.ports.clock import Clock
from tools import addresses
from tools.retry_after import LONGEST_S, retry_after_s
from tools.statuses import REFUSED, UNSENT, usable
from tools.waits import Rate, SharedWait

TIMEOUT: Final = httpx.Timeout(connect=3.0, read=15.0, write=5.0, pool=5.0)
"""Seconds for each part of a request."""
DEADLINE_S: Final = 25.0
"""Seconds for a whole request."""
MAX_ANSWER: Final = 4 * 1024 * 1024
"""Bytes of an answer."""
_UNCLEAR: Final = frozenset({408, 425})
"""4xx after which a write may still happen."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `body` is JSON; `back` takes it back if a later request of the same step is refused."""

    method: str
    path: str
    body: Any = None
    back: "Call | None" = None

    def text(self) -> str:
        """The request as a person reads it: method, path and body."""
        body = (
            "" if self.body is None else " " + orjson.dumps(self.body, option=orjson.OPT_SORT_KEYS).decode()
        )
        return f"{self.method} {self.path}{body}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is the JSON of it; None where there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lent:
    """A token that ends: another one is asked for where it is not `good` any more."""

    token: str = field(repr=False)
    good: Callable[[], bool]


Renew = Callable[[str | None], Awaitable[str | Lent]]
"""Gets a token; given one that is not accepted any more, another one if there is one.

Raises: ConfigError, Temporary, Unauthorized.
"""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a vendor is asked, and what it means by its answers."""

    name: str
    headers: Callable[[str], Mapping[str, str]]
    """Headers of a request, from the token."""
    explain: Callable[[Answer], LeadgraphError | None] = lambda _: None
    """What an answer means by the vendor's own rules, None where the status says it all."""
    spare: Callable[[Answer], float] = lambda _: 0.0
    """For how many seconds no request is left after an answer, whatever it says."""
    stale: Callable[[Answer], bool] = lambda answer: answer.status == 401
    """If an answer says that the token is not accepted any more."""
    decode: Callable[[bytes], Any] = orjson.loads
    """Reads the JSON of an answer. Raises: ValueError."""


def _always() -> bool:
    return True


class Api:
    """Asks one vendor. Closed with `aclose`."""

    def __init__(
        self,
        manners: Manners,
        url: str,
        renew: Renew,
        clock: Clock,
        *,
        setting: str,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        deadline_s: float = DEADLINE_S,
        most: int = MAX_ANSWER,
        wait: SharedWait | None = None,
    ) -> None:
        """`setting` is where a person renews the token, `most` the bytes of an answer. Raises: ConfigError.

        `wait` shares the account with all who ask it; None where nobody else does: when it is set up.
        """
        self.name, self._manners, self._renew, self._clock = manners.name, manners, renew, clock
        self._setting, self._deadline_s, self._most = setting, deadline_s, most
        self._token: str | None = None
        self._good: Callable[[], bool] = _always
        self._free_at, self._wait = 0, wait
        self._renewing = asyncio.Lock()
        # No connection is kept: a kept one would belong to the loop that opened it.
        self._client = httpx.AsyncClient(
            base_url=addresses.checked(url), timeout=timeout, transport=transport, trust_env=False,
            follow_redirects=False, limits=httpx.Limits(max_keepalive_connections=0),
        )  # fmt: skip

    async def read(self, call: Call, *, absent: bool = False) -> Any:
        """The JSON of a good answer; None for 404 where the thing may be `absent`.

        Raises: Temporary, Throttled, Unauthorized, Refused.
        """
        answer = await self._ask(call, Temporary)
        if absent and answer.status == 404:
            return None
        return (await self._heard(call, answer, Temporary)).body

    async def asked(self, call: Call) -> Answer:
        """As `read`, with the headers of the answer."""
        return await self._heard(call, await self._ask(call, Temporary), Temporary)

    async def write(self, call: Call) -> Answer:
        """A good answer. Raises: Temporary, Throttled, Unauthorized or Refused if nothing happened; OutcomeUnknown."""
        return await self._heard(call, await self._ask(call, OutcomeUnknown), OutcomeUnknown)

    def wait(self, seconds: float) -> None:
        """Make no request for so long: the vendor's count of requests is used up."""
        self._free_at = max(self._free_at, self._clock.now() + round(min(seconds, LONGEST_S) * SECOND))

    async def room(self, record: str, rate: Rate, tokens: int) -> None:
        """Take `tokens` of what the vendor lets be done to one record. Raises: Throttled (``record``)."""
        if self._wait is not None:
            await self._wait.room(record, rate, tokens)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _ask(self, call: Call, lost: type[LeadgraphError]) -> Answer:
        left = (self._free_at - self._clock.now()) / SECOND
        if left > 0:
            raise Throttled(f"{self.name} has no request left for now", left)
        used = await self._current(None)
        answer = await self._in_turn(call, used, lost)
        if self._manners.stale(answer):
            newer = await self._current(used)
            if newer != used:
                answer = await self._in_turn(call, newer, lost)
        return answer

    async def _in_turn(self, call: Call, token: str, lost: type[LeadgraphError]) -> Answer:
        """One request, when the account's own rate lets it go; whoever is left without another one tells all."""
        if self._wait is not None:
            await self._wait.turn(begun=lost is OutcomeUnknown)
        answer = await self._post(call, token, lost)
        spare = self._manners.spare(answer)
        self.wait(spare)
        if self._wait is not None:
            await self._wait.hold(spare)
        return answer

    async def _current(self, stale: str | None) -> str:
        """The token; another one if `stale` is what we have and there is one."""
        async with self._renewing:
            if self._token is None or self._token == stale or not self._good():
                try:
                    async with asyncio.timeout(self._deadline_s):
                        given = await self._renew(stale)
                    lent = given if isinstance(given, Lent) else Lent(given, _always)
                    self._token, self._good = usable(lent.token, "a vendor"), lent.good
                except TimeoutError:
                    raise Temporary(f"{self.name} gives no token in time") from None
                except ConfigError as error:
                    raise Unauthorized(str(error), self._setting) from None
            return self._token

    async def _heard(self, call: Call, answer: Answer, lost: type[LeadgraphError]) -> Answer:
        """As `_judged`; what is asked for is passed on."""
        try:
            return self._judged(call, answer, lost)
        except Throttled as error:
            if self._wait is not None:
                await self._wait.told(error)
            raise

    def _judged(self, call: Call, answer: Answer, lost: type[LeadgraphError]) -> Answer:
        """The answer if it is good. What a refusal of the vendor says in words goes no further than its code."""
        own = self._manners.explain(answer)
        if isinstance(own, Throttled):
            own.retry_after_s = min(own.retry_after_s, LONGEST_S)
            self.wait(own.retry_after_s if own.code != "record" else 0.0)
        if own is not None:
            raise own
        what, status = f"{call.method} {call.path.partition('?')[0]}", answer.status
        if status in (200, 201, 202, 204, 207):  # 207: done in part, of which the connector makes what it is
            return answer
        if status == 429:
            wait = retry_after_s(answer.headers.get("retry-after"), now=self._clock.now())
            self.wait(wait)
            raise Throttled(f"{self.name} asks us to come later", wait)
        if status == 401:
            raise Unauthorized(f"{self.name} does not accept our token", self._setting)
        if 300 <= status < 400:
            raise Refused(f"{self.name} points elsewhere ({status}); set its new address", "moved")
        if 400 <= status < 500 and status not in _UNCLEAR:
            raise Refused(f"{self.name} refused {what} ({status})", REFUSED.get(status, "refused"))
        raise lost(f"{self.name} answered {what} with {status}")

    async def _post(self, call: Call, token: str, lost: type[LeadgraphError]) -> Answer:
        headers = {"accept": "application/json", **self._manners.headers(token)}
        content = None
        if call.body is not None:
            content, headers["content-type"] = orjson.dumps(call.body), "application/json"
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._client.stream(call.method, call.path, content=content, headers=headers) as response,
            ):
                body = await self._bounded(response, lost)
                return Answer(response.status_code, dict(response.headers), self._json(response, body, lost))
        except UNSENT as error:
            raise Temporary(f"{self.name} cannot be reached ({type(error).__name__})") from None
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise lost(f"the answer of {self.name} was lost ({type(error).__name__})") from None

    async def _bounded(self, response: httpx.Response, lost: type[LeadgraphError]) -> bytes:
        answer = bytearray()
        async for part in response.aiter_bytes():
            answer += part
            if len(answer) > self._most:
                raise lost(f"{self.name} answers with more than {self._most} bytes")
        return bytes(answer)

    def _json(self, response: httpx.Response, body: bytes, lost: type[LeadgraphError]) -> Any:
        if not body:
            return None
        try:
            return self._manners.decode(body)
        except (ValueError, RecursionError):
            if response.status_code >= 300:
                return None
            raise lost(f"{self.name} answers with what is no JSON") from None
