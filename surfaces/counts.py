"""Running totals: what a worker or a dispatcher has done."""

from dataclasses import asdict, dataclass
from typing import Self


@dataclass(slots=True)
class Counts:
    """Named whole numbers that can be summed; subclasses name them."""

    def add(self, other: Self) -> None:
        """Sum `other` into this one."""
        for name, value in other.document().items():
            setattr(self, name, getattr(self, name) + value)

    def document(self) -> dict[str, int]:
        """Name -> number, in the order of their declaration."""
        return asdict(self)
