"""Reading a request's body: bounded in size and time before any of it is looked at."""

import asyncio
from typing import Any, Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from domain.errors import BadInput
from domain.parsing import decode

READ_S: Final = 10.0
"""Seconds in which a body must have arrived."""
_DIGITS: Final = 15
LEVELS: Final = 8
"""Objects and lists within each other that a body may have."""


async def json_of(request: Request, *, most: int, within_s: float = READ_S) -> Any:
    """The JSON document that was sent, of at most `most` bytes.

    Raises: BadInput (``unsupported``, ``too_large``, ``too_slow``, or what is wrong with the JSON).
    """
    json_type(request)
    return document_in(await bytes_of(request, most=most, within_s=within_s))


def json_type(request: Request) -> None:
    """Raises: BadInput (``unsupported``) unless the request says that it brings JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadInput("content-type", "is not JSON", "send application/json", code="unsupported")


def document_in(raw: bytes) -> Any:
    """The JSON document in a body, read strictly. Raises: BadInput."""
    try:
        return decode(raw, LEVELS)
    except BadInput as error:
        raise BadInput("body", error.problem, error.remedy, code=error.code) from None


async def bytes_of(request: Request, *, most: int, within_s: float = READ_S) -> bytes:
    """The body as it came, at most `most` bytes.

    Raises: BadInput (``too_large``, ``endless`` where it did not say so before, ``too_slow``, ``cut_off``).
    """
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and (len(said) > _DIGITS or int(said) > most):
        raise _too_large(most)
    try:
        async with asyncio.timeout(within_s):
            return await _read(request, most)
    except TimeoutError:
        raise BadInput(
            "body", "arrived too slowly", f"send it within {within_s:g} s", code="too_slow"
        ) from None
    except ClientDisconnect:
        raise BadInput("body", "breaks off", "send it whole", code="cut_off") from None


async def _read(request: Request, most: int) -> bytes:
    got = bytearray()
    async for chunk in request.stream():
        got += chunk
        if len(got) > most:
            raise _too_large(most, code="endless")
    return bytes(got)


def _too_large(most: int, *, code: str = "too_large") -> BadInput:
    return BadInput("body", "is too large", f"at most {most // 1024:,} KB are taken", code=code)
