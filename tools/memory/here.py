"""Vectors in this process alone: for throw-away homes and tests. Gone when it ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from tools.memory.vectors import Found, Matrix, Shelf

_BOOKS = count(1)


@dataclass(slots=True)
class _Book:
    name: str
    texts: dict[str, Matrix] = field(default_factory=dict)
    cases: dict[str, Matrix] = field(default_factory=dict)


class VectorsHere:
    """Satisfies `tools.memory.vectors.Vectors`."""

    def __init__(self, width: int) -> None:
        """Vectors have `width` numbers."""
        self._width = width
        self._books: dict[Shelf, _Book] = {}

    def book(self, shelf: Shelf) -> str:
        """Which set this is."""
        return self._of(shelf).name

    def fetch(self, shelf: Shelf, refs: Sequence[str]) -> Found:
        """The vectors of these refs."""
        texts = self._of(shelf).texts
        found = [ref for ref in refs if ref in texts]
        return Found(found, self._matrix([texts[ref] for ref in found]))

    def nearest(self, shelf: Shelf, asked: Matrix, limit: int) -> Sequence[tuple[str, float]]:
        """The nearest texts of cases."""
        cases = self._of(shelf).cases
        likeness = self._matrix(list(cases.values())) @ asked.T
        found: list[tuple[str, float]] = []
        for column in likeness.T:
            ranked = sorted(zip(cases, column.tolist(), strict=True), key=lambda pair: -pair[1])
            found += ranked[:limit]
        return found

    def put(self, shelf: Shelf, refs: Sequence[str], rows: Matrix) -> None:
        """Keep texts."""
        self._of(shelf).texts.update(zip(refs, rows, strict=True))

    def put_cases(self, shelf: Shelf, refs: Sequence[str]) -> None:
        """Texts become those of cases."""
        book = self._of(shelf)
        book.cases.update({ref: book.texts[ref] for ref in refs if ref in book.texts})

    def drop(self, shelf: Shelf, refs: Sequence[str]) -> None:
        """Remove them from both."""
        book = self._of(shelf)
        for ref in refs:
            book.texts.pop(ref, None)
            book.cases.pop(ref, None)

    def clear(self, shelf: Shelf) -> None:
        """Begin anew."""
        self._books.pop(shelf, None)

    def count(self, shelf: Shelf) -> int:
        """Texts that are kept."""
        return len(self._of(shelf).texts)

    def close(self) -> None:
        """Let go of everything."""
        self._books.clear()

    def _of(self, shelf: Shelf) -> _Book:
        if shelf not in self._books:
            self._books[shelf] = _Book(f"here-{next(_BOOKS)}")
        return self._books[shelf]

    def _matrix(self, rows: Sequence[Matrix]) -> Matrix:
        return np.asarray(rows, np.float32).reshape(len(rows), self._width)
