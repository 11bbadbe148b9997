"""What a store of vectors must do. Calls block; every one names the tenant and region that it stays within."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from domain.errors import Temporary
from domain.ids import Region, TenantId

if TYPE_CHECKING:  # keeps runs without text quick
    import numpy as np
    import numpy.typing as npt

Matrix: TypeAlias = "npt.NDArray[np.float32]"
"""One vector a row."""


class Shelf(NamedTuple):
    """Whose vectors. Nothing reaches from one to another."""

    tenant: TenantId
    region: Region


class OtherEmbedder(Temporary):
    """The vectors were made by another embedder than this process has: they must not be compared."""


class Elsewhere(Temporary):
    """Another process holds the folder."""


@dataclass(frozen=True, slots=True)
class Found:
    """Vectors as they came: refs and rows of one length, whatever they hold."""

    refs: Sequence[str]
    rows: Matrix


class Vectors(Protocol):
    """Vectors of texts by ref, and beside them those of cases. Every call raises Temporary for an outage."""

    def book(self, shelf: Shelf) -> str:
        """Which set this is, made if there is none. Raises: OtherEmbedder, Elsewhere."""
        ...

    def fetch(self, shelf: Shelf, refs: Sequence[str]) -> Found:
        """The vectors of these refs, in any order; of those that are there."""
        ...

    def nearest(self, shelf: Shelf, asked: Matrix, limit: int) -> Sequence[tuple[str, float]]:
        """For each vector asked the `limit` nearest texts of cases: (ref, cosine)."""
        ...

    def put(self, shelf: Shelf, refs: Sequence[str], rows: Matrix) -> None:
        """Keep texts; again is the same."""
        ...

    def put_cases(self, shelf: Shelf, refs: Sequence[str]) -> None:
        """Texts that are kept become those of cases too; unknown ones are passed over."""
        ...

    def drop(self, shelf: Shelf, refs: Sequence[str]) -> None:
        """Remove them from both; again is the same."""
        ...

    def clear(self, shelf: Shelf) -> None:
        """Begin anew, also where nothing can be read."""
        ...

    def count(self, shelf: Shelf) -> int:
        """Texts that are kept."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...
