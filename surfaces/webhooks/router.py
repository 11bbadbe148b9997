"""``POST /v1/webhooks/{source}``: what a vendor sends by itself is proven, read and on disk before it is answered.

The order matters: size and type first, then the proof over the bytes as they came, and only then is anything unpacked
or parsed. What is not proven leaves no trace but a count.
"""

import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse

from domain.contract import time_of
from domain.errors import Backpressure, BadInput
from domain.instants import SECOND
from domain.ports.home import Home
from domain.ports.receivers import SOURCES, Delivery, NotSetUp, Reading, Receiver, Receivers, Unproven
from domain.ports.sources import RawItem
from surfaces.api.body import READ_S, bytes_of
from surfaces.api.problems import problem
from surfaces.api.straight import Way
from surfaces.catching_up import noted
from surfaces.door import LIMIT, take
from surfaces.news import News
from surfaces.webhooks.counted import count
from surfaces.webhooks.described import BODY, RESPONSES
from surfaces.webhooks.repeated import without_repeated

PATH: Final = "/v1/webhooks"
LONGEST_WAIT_S: Final = 59
"""Most seconds that a vendor is told to wait: some do not come again after a longer time."""
SET_UP_S: Final = 60
LATE: Final = 5 * SECOND
"""Before an event is so old, its record has hardly been read and changed: it is not looked for."""
_GZIP: Final = 16 + zlib.MAX_WBITS
Source = Annotated[str, Path(json_schema_extra={"enum": list(SOURCES)})]


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a delivery; the counts add up to its items and events."""

    accepted: int = 0
    duplicates: int = 0
    quarantined: tuple[tuple[int, str], ...] = ()


def webhook_router(home: Home, receivers: Receivers, *, read_s: float = READ_S) -> APIRouter:
    """The routes. A body must have arrived within `read_s` seconds."""
    receive = _receiving(home, receivers, read_s)
    router = APIRouter(prefix=PATH, tags=["webhooks"])

    more: dict[str, Any] = {
        "status_code": 202,
        "responses": RESPONSES,
        "openapi_extra": {"requestBody": BODY},
    }

    @router.post("/{source}", summary="What a vendor sends", **more)
    async def without_token(source: Source, request: Request) -> Response:
        return await receive(source, "", request)

    @router.post("/{source}/{token}", summary="The same, with a token", **more)
    async def with_token(source: Source, token: str, request: Request) -> Response:
        return await receive(source, token, request)

    return router


def straight(home: Home, receivers: Receivers) -> Mapping[tuple[str, str], Way]:
    """The same for sources that show no token, see `surfaces.api.straight`."""
    receive = _receiving(home, receivers, READ_S)

    def way(source: str) -> Way:
        async def answer(request: Request) -> Response:
            return await receive(source, "", request)

        return Way(f"{PATH}/{{source}}", answer)

    return {("POST", f"{PATH}/{source}"): way(source) for source in SOURCES}


def _receiving(
    home: Home, receivers: Receivers, read_s: float
) -> Callable[[str, str, Request], Awaitable[Response]]:
    """Receives what a source sends with a token, which may be empty."""

    async def receive(source: str, token: str, request: Request) -> Response:
        receiver = receivers.get(source)
        if receiver is None:
            raise BadInput("source", "is not known", "see docs/webhooks.md for the sources", code="unknown")
        packed = _packing(receiver, request.headers)
        body = await bytes_of(request, most=receiver.form.limit, within_s=read_s)
        delivery = Delivery(headers_of(request), body, token)
        try:
            receiver.verify(delivery, now=home.clock.now())
        except Unproven as error:
            count(receiver.name, f"unproven:{error.code}")
            return unproven()
        except NotSetUp as error:
            count(receiver.name, "not_set_up")
            return not_set_up(error)
        if packed:
            delivery = replace(delivery, body=unpacked(body, receiver.form.limit))
        return await _stored(home, receiver, delivery)

    return receive


async def _stored(home: Home, receiver: Receiver, delivery: Delivery) -> Response:
    """Read and take in; the answer is given after the last item is on disk."""
    reading = receiver.read(delivery, now=home.clock.now())
    await noted(home, reading.records)  # first: no run may miss that there is more to know
    try:
        reading = await without_repeated(home, reading)
        kept = await kept_of(home, reading.items)
    except Backpressure as error:
        wait = str(min(LONGEST_WAIT_S, max(1, round(error.retry_after_s))))
        busy = HTTPStatus.SERVICE_UNAVAILABLE
        return problem(busy, "busy", "too much is waiting; send it again", headers={"Retry-After": wait})
    _count(receiver.name, kept, reading)
    if receiver.form.answer is not None and not _is_json(delivery):
        media, answer = receiver.form.answer
        return Response(answer, media_type=media)
    shown = [{"index": index, "reason": reason} for index, reason in kept.quarantined]
    document = {
        "accepted": kept.accepted,
        "duplicates": kept.duplicates,
        "quarantined": shown,
        "ignored": dict(reading.ignored),
        "thin": reading.thin,
    }
    return JSONResponse(document, status_code=HTTPStatus.ACCEPTED)


async def kept_of(home: Home, items: Sequence[RawItem]) -> Kept:
    """Take the items in by the time at which they occurred, as many at once as the door takes.

    Raises: Backpressure, Temporary: what was taken before then stays, and is a duplicate when it comes again.
    """
    again = await _again(home, items)
    places = sorted({*range(len(items))} - again, key=lambda place: (_when(items[place]), place))
    kept = Kept(duplicates=len(again))
    for start in range(0, len(places), LIMIT):
        taken = await take(home, [(place, items[place]) for place in places[start : start + LIMIT]])
        kept = Kept(
            kept.accepted + taken.accepted,
            kept.duplicates + taken.duplicates,
            tuple(sorted((*kept.quarantined, *taken.quarantined))),
        )
    return kept


async def _again(home: Home, items: Sequence[RawItem]) -> frozenset[int]:
    """Positions of late events that reading their record has told already; of a vendor that is not read none is."""
    readers = home.upstream.readers if home.upstream is not None else {}
    before = home.clock.now() - LATE
    late = [
        place
        for place, item in enumerate(items)
        if isinstance(item, Mapping) and item.get("source") in readers and _when(item) < before
    ]
    told = await News(home).told([items[place] for place in late]) if late else ()
    return frozenset(late[place] for place in told)


def unpacked(body: bytes, limit: int) -> bytes:
    """The body without its gzip, never more than `limit` bytes of it. Raises: BadInput."""
    reader = zlib.decompressobj(_GZIP)
    try:
        plain = reader.decompress(body, limit + 1)
    except zlib.error:
        raise BadInput("body", "is not gzip", "send what content-encoding says", code="not_json") from None
    if len(plain) > limit or reader.unconsumed_tail:
        raise BadInput(
            "body", "is too large when unpacked", f"at most {limit // 1024:,} KB are taken", code="too_large"
        )
    if not reader.eof or reader.unused_data:
        raise BadInput("body", "is not one whole gzip stream", "send it again", code="not_json")
    return plain


def _packing(receiver: Receiver, headers: Mapping[str, str]) -> bool:
    """True if the body is packed. Raises: BadInput for a type or packing that the vendor does not send."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in receiver.form.types:
        wanted = ", ".join(sorted(receiver.form.types))
        raise BadInput("content-type", "is not what this source sends", f"send {wanted}", code="unsupported")
    packing = headers.get("content-encoding", "identity").strip().lower()
    if packing == "identity":
        return False
    if packing == "gzip" and receiver.form.gzip:
        return True
    raise BadInput("content-encoding", "is not taken here", "send the body as it is", code="unsupported")


def headers_of(request: Request) -> dict[str, str]:
    """By lower-case name. One that is given twice holds both: no signature fits that."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _is_json(delivery: Delivery) -> bool:
    return delivery.headers.get("content-type", "").lower().startswith("application/json")


def _when(item: RawItem) -> int:
    return (time_of(item) or 0) if isinstance(item, Mapping) else 0


def _count(source: str, kept: Kept, reading: Reading) -> None:
    count(source, "accepted", kept.accepted)
    count(source, "duplicate", kept.duplicates)
    count(source, "quarantined", len(kept.quarantined))
    count(source, "thin", reading.thin)
    for reason, number in reading.ignored.items():
        count(source, f"ignored:{reason}", number)


def unproven() -> Response:
    """The same words whatever was wrong: who guesses learns nothing."""
    return problem(
        HTTPStatus.UNAUTHORIZED, "unproven", "the request does not show that it comes from this source"
    )


def not_set_up(error: NotSetUp) -> Response:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not_set_up",
        "this source is not set up here",
        headers={"Retry-After": str(SET_UP_S)},
        remedy=f"set LEADGRAPH_{error.setting.upper()}",
    )
