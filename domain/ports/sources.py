"""Readers of files: each turns what one kind of file holds into raw items for the door."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Bad:
    """A line or row that cannot be turned into an item: it goes to quarantine with its place."""

    source: str
    raw: bytes
    """The line as read, or the row as JSON; bounded by the reader."""
    field: str
    problem: str
    remedy: str
    code: str


RawItem = Mapping[str, Any] | bytes | Bad
"""An item of the external form, parsed or as text, or what stands in its place."""


class Source(Protocol):
    """One kind of file or folder."""

    name: str

    def read(self, path: Path, **options: Any) -> Iterator[tuple[int, RawItem]]:
        """(line or row number from 1, item) in the order of time as far as the file has one.

        Raises: BadInput naming the file and the place, as soon as it is found; what came before was given.
        """
        ...

    def total(self, path: Path) -> int | None:
        """About how many items `read` will give, for a progress bar; None if that cannot be said quickly."""
        ...
