"""Texts as vectors."""

from collections.abc import Sequence
from typing import Protocol

Vector = tuple[float, ...]
"""Of unit length."""


class Embedder(Protocol):
    """Turns texts into vectors, near to each other where the texts mean the same."""

    @property
    def name(self) -> str:
        """Of the model and how it is run, such as ``minilm-int8``; vectors of two names must not be compared."""
        ...

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        ...

    @property
    def stand_in(self) -> bool:
        """True if it only stands in for a model that is not there: alike is then what shares words."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One unit vector of `width` a text, in order.

        A vector follows from its text alone, whatever is asked together with it. An empty text has one too.
        Raises: Temporary (an outage), Permanent (the model cannot be used).
        """
        ...
