"""Files of signals in the external form: JSON lines, a JSON array or object, or CSV; gzip or plain.

CSV has one column per field: ``id, source, kind, occurred_at``, at least one of ``keys.crm_id``,
``keys.email`` ..., and ``payload.<field>`` columns, whose cells are read as the type that the kind says.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from domain.ports.sources import Bad, RawItem
from tools.items import form_of, from_json, from_lines, item_of_row
from tools.reading import count_lines, rows_of

NAME: Final = "signals"
COLUMNS: Final = ("id", "source", "kind", "occurred_at")


class Signals:
    """Satisfies `domain.ports.sources.Source`. The name tells the form, the content whether it is gzip."""

    name = NAME

    def read(self, path: Path, **_options: Any) -> Iterator[tuple[int, RawItem]]:
        """The items in the order of the file, by line number; in a JSON array by their place from 1."""
        form = form_of(path)
        if form == "csv":
            yield from _from_csv(path)
        elif form == "json":
            yield from from_json(path, NAME)
        else:
            yield from from_lines(path, NAME)

    def total(self, path: Path) -> int | None:
        """Lines, without a CSV's header; unknown for a JSON array."""
        form = form_of(path)
        lines = count_lines(path)
        return None if lines is None or form == "json" else lines - (form == "csv")


SOURCE: Final = Signals()


def _from_csv(path: Path) -> Iterator[tuple[int, RawItem]]:
    for number, row in rows_of(path, NAME, COLUMNS):
        yield number, row if isinstance(row, Bad) else item_of_row(row)
