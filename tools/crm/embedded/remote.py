"""The embedded CRM behind its port, as a target over HTTP.

What an answer means for a write: until the connection stands nothing can have happened; from the first byte that we
send, only an answer that we understand tells us.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import httpx

from domain.effect import Delivery, Step, StepReceipt
from domain.errors import (
    BadInput,
    ConfigError,
    LeadgraphError,
    OutcomeUnknown,
    Permanent,
    Refused,
    Temporary,
    Throttled,
    Unauthorized,
)
from domain.ports.clock import Clock
from domain.ports.target import Change, Seen, Subject
from tools import addresses
from tools.crm.embedded import wire
from tools.crm.embedded.book import TAKES
from tools.retry_after import retry_after_s
from tools.statuses import REFUSED, UNSENT, usable

TIMEOUT: Final = httpx.Timeout(connect=2.0, read=10.0, write=5.0, pool=5.0)
"""Seconds for each part of a request."""
DEADLINE_S: Final = 20.0
"""Seconds for a whole request: an answer that trickles in does not hold us longer."""
MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an answer."""

SETTING: Final = "crm_token_file"
"""Where our credentials are set."""

T = TypeVar("T")
Refresh = Callable[[], Awaitable[str]]
"""Gets a token that may be newer."""


class RemoteCrm:
    """Satisfies `domain.ports.target.Target`. Closed with `aclose`."""

    def __init__(
        self,
        url: str,
        token: str,
        clock: Clock,
        *,
        refresh: Refresh | None = None,
        name: str = "crm",
        delivery: Delivery = Delivery.KEYED,
        timeout: httpx.Timeout = TIMEOUT,
        deadline_s: float = DEADLINE_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`url` is the server's root; `delivery` what the server was started with. Raises: ConfigError."""
        self.name, self.delivery, self.takes = name, delivery, TAKES
        self._token, self._refresh = usable(token, "a CRM"), refresh
        self._clock, self._deadline_s = clock, deadline_s
        # No connection is kept: a kept one would belong to the loop that opened it.
        self._client = httpx.AsyncClient(
            base_url=addresses.checked(url), timeout=timeout, transport=transport, trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )  # fmt: skip

    async def look(self, subject: Subject) -> Seen:
        """The record as it is now."""
        return await self._read("look", {"subject": wire.subject_to(subject)}, wire.seen_from)

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Take one step."""
        body = {"step": wire.step_to(step), "subject": wire.subject_to(subject), "key": key}
        answer = await self._ask("send", body, lost=OutcomeUnknown)
        try:
            return wire.receipt_from(wire.loads(answer))
        except BadInput as error:
            raise OutcomeUnknown(f"{self.name}: the answer is no receipt ({error})") from error

    async def find(self, key: str) -> StepReceipt | None:
        """The receipt under `key`."""
        if self.delivery is Delivery.NEITHER:
            raise Permanent(f"{self.name} cannot be asked for a key")

        def receipt(answer: Any) -> StepReceipt | None:
            got = wire.mapping(answer, "answer")
            return None if got.get("receipt", "") is None else wire.receipt_from(got.get("receipt"))

        return await self._read("find", {"key": key}, receipt)

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        """What the steps would write."""
        body = {"steps": [wire.step_to(step) for step in steps], "subject": wire.subject_to(subject)}
        return await self._read("preview", body, wire.changes_from)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _read(self, what: str, body: Any, parse: Callable[[Any], T]) -> T:
        answer = await self._ask(what, body, lost=Temporary)
        try:
            return parse(wire.loads(answer))
        except BadInput as error:
            raise Temporary(f"{self.name}: the answer to {what} cannot be read ({error})") from error

    async def _ask(self, what: str, body: Any, *, lost: type[LeadgraphError]) -> bytes:
        """The body of a good answer; `lost` is what an answer that never came, or tells nothing, is called."""
        used = self._token
        status, headers, answer = await self._post(what, body, used, lost)
        if status == 401 and await self._renewed(used):
            status, headers, answer = await self._post(what, body, self._token, lost)
        if status == 200:
            return answer
        if status == 429:
            wait = retry_after_s(headers.get("retry-after"), now=self._clock.now())
            raise Throttled(f"{self.name} asks us to come later", wait)
        if status == 401:
            raise Unauthorized(f"{self.name} does not accept our token", SETTING)
        if status in REFUSED:
            raise Refused(f"{self.name} refused {what} ({status})", _code(status, answer))
        raise lost(f"{self.name} answered {what} with {status}")

    async def _renewed(self, used: str) -> bool:
        """True if there is another token than the one `used`. Raises: Unauthorized if the new one is unusable."""
        if self._token == used and self._refresh is not None:
            try:
                self._token = usable(await self._refresh(), "a CRM")
            except ConfigError as error:
                raise Unauthorized(str(error), SETTING) from error
        return self._token != used

    async def _post(
        self, what: str, body: Any, token: str, lost: type[LeadgraphError]
    ) -> tuple[int, httpx.Headers, bytes]:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._client.stream(
                    "POST", f"/v1/{what}", content=wire.dumps(body), headers=headers
                ) as response,
            ):
                return response.status_code, response.headers, await self._bounded(response, lost)
        except UNSENT as error:
            raise Temporary(f"{self.name} cannot be reached ({type(error).__name__})") from error
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise lost(f"the answer of {self.name} to {what} was lost ({type(error).__name__})") from error

    async def _bounded(self, response: httpx.Response, lost: type[LeadgraphError]) -> bytes:
        answer = bytearray()
        async for part in response.aiter_bytes():
            answer += part
            if len(answer) > MAX_ANSWER:
                raise lost(f"{self.name} answers with more than {MAX_ANSWER} bytes")
        return bytes(answer)


def _code(status: int, answer: bytes) -> str:
    """The code of a refusal: that of the status, unless the server's own says more."""
    usual = REFUSED[status]
    try:
        said = wire.mapping(wire.loads(answer), "answer").get("code")
    except BadInput:
        return usual
    return "key_reused" if status == 409 and said == "key_reused" else usual
