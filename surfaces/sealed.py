"""A sealed record behind an audit row, opened if it still can be."""

from collections.abc import Callable
from typing import Literal, TypeVar

from domain.errors import Permanent
from domain.ports.home import Home

Seal = Literal["open", "erased", "locked", "none"]
"""What became of the sealed record: read; gone; there but not to be opened; never made (a failed attempt)."""
R = TypeVar("R")


async def opened(home: Home, commitment: object, unpack: Callable[[bytes], R]) -> tuple[Seal, R | None]:
    """How the record of `commitment` stands, and what it is where it is open. Without a commitment there is none."""
    if commitment is None:
        return "none", None
    sealed = await home.audit.seal_of(str(commitment))
    if sealed is None:
        return "erased", None
    try:
        return "open", unpack(home.vault.open(home.tenant, sealed))
    except Permanent:
        return "locked", None
