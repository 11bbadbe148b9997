"""What the columns of a table look like: their types, how full they are, and which texts stand for nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from learning.history.read import Table
from learning.history.values import FLAGS, number_of, time_of

Kind = Literal["empty", "constant", "identifier", "time", "number", "category", "text"]
MARKERS: Final = frozenset({
    "select", "please select", "select one", "choose", "n/a", "#n/a", "nan", "null", "nil", "-", "--", "---", "?",
    "(blank)", "[blank]", "blank", "undefined", "not specified", "not provided", "not set",
})  # fmt: skip
"""What forms and exports write where nobody chose anything. ``none``, ``unknown`` and ``other`` may be answers."""
FORMS: Final = (
    "iso", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y",
    "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d-%m-%Y",
    "%d %b %Y", "%b %d, %Y", "%Y%m%d",
)  # fmt: skip
_TRIED: Final = 400
"""Values on which a form is tried before the whole column is."""
_UNIX: Final = {"unix_s": 1, "unix_ms": 1_000}
_FIRST, _LAST = 946_684_800, 2_051_222_400  # 2000 to 2035, in seconds
_MANY: Final = 50
_LONG: Final = 60
_BINS: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """One column. `cells` are its texts without markers, null where nothing is said; `numbers` if it is a number."""

    name: str
    kind: Kind
    cells: pl.Series
    distinct: int
    forms: tuple[str, ...] = ()
    """Of a time: the forms in which all its values are times; more than one = it cannot be told."""
    zoned: bool = False
    numbers: npt.NDArray[np.float64] | None = None
    decimal: Literal[".", ","] = "."

    @property
    def filled(self) -> npt.NDArray[np.bool_]:
        """Which rows say something."""
        return self.cells.is_not_null().to_numpy()

    @property
    def share(self) -> float:
        """How many rows do, 0..1."""
        return float(self.filled.mean()) if len(self.cells) else 0.0

    @property
    def flag(self) -> bool:
        """Whether it says yes or no, true or false, 1 or 0."""
        return self.distinct == 2 and all(
            str(one).lower() in FLAGS for one in self.cells.drop_nulls().unique()
        )

    def codes(self) -> npt.NDArray[np.int64]:
        """A small number for each row: numbers in about twenty bins of equal mass, texts by level; nothing is 0."""
        filled = self.filled
        if self.numbers is None:
            ranks = self.cells.rank("dense").fill_null(0).to_numpy()
            return ranks.astype(np.int64)
        found = np.zeros(len(filled), dtype=np.int64)
        if filled.any():
            stated = self.numbers[filled]
            edges = np.unique(np.quantile(stated, np.linspace(0, 1, _BINS + 1)[1:-1]))
            found[filled] = 1 + np.searchsorted(edges, stated, side="left")
        return found


def markers_in(table: Table) -> tuple[str, ...]:
    """The texts of the table that stand for nothing, as written, sorted."""
    found: set[str] = set()
    for series in table.frame:
        cells = series.drop_nulls().str.strip_chars().unique()
        found.update(cells.filter(cells.str.to_lowercase().is_in(sorted(MARKERS))).to_list())
    return tuple(sorted(found))


def profiled(table: Table) -> list[Profile]:
    """Every column of `table`, in its order."""
    return [_profile(series) for series in table.frame]


def _profile(series: pl.Series) -> Profile:
    cells = series.str.strip_chars()
    nothing = (cells == "") | cells.str.to_lowercase().is_in(sorted(MARKERS))
    cells = cells.set(nothing.fill_null(value=True), None)
    stated = cells.drop_nulls()
    distinct = stated.n_unique()
    if not len(stated):
        return Profile(series.name, "empty", cells, 0)
    if distinct == 1 and len(stated) == len(cells):
        return Profile(series.name, "constant", cells, 1)
    unique = distinct == len(stated) == len(cells) and distinct > _MANY // 2
    forms, zoned = _forms(stated.unique(maintain_order=True).to_list())
    if forms:
        return Profile(series.name, "time", cells, distinct, forms=forms, zoned=zoned)
    numbers, decimal = _numbers(cells)
    if numbers is not None:
        whole = bool(np.all(np.mod(numbers[~np.isnan(numbers)], 1) == 0))
        kind: Kind = "identifier" if unique and whole else "number"
        return Profile(series.name, kind, cells, distinct, numbers=numbers, decimal=decimal)
    return Profile(series.name, _text_kind(stated, distinct, unique=unique), cells, distinct)


def _text_kind(stated: pl.Series, distinct: int, *, unique: bool) -> Kind:
    long = float(stated.str.len_chars().cast(pl.Float64).to_numpy().mean()) > _LONG
    if unique and not long:
        return "identifier"
    many = distinct > _MANY and distinct > len(stated) / 2
    return "text" if long or many else "category"


def _numbers(cells: pl.Series) -> tuple[npt.NDArray[np.float64] | None, Literal[".", ","]]:
    plain = cells.cast(pl.Float64, strict=False)
    if plain.null_count() == cells.null_count() and plain.drop_nulls().is_finite().all():
        return plain.fill_null(float("nan")).to_numpy(), "."
    marks: tuple[Literal[".", ","], ...] = (".", ",")
    for mark in marks:
        try:
            found = [float("nan") if cell is None else float(number_of(cell, decimal=mark)) for cell in cells]
        except ValueError:
            continue
        return np.array(found), mark
    return None, "."


def _forms(values: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """The forms in which all `values` are times, and whether all name a zone."""
    if all(value.lstrip("-").replace(".", "", 1).isdigit() for value in values[:_TRIED]):
        return _unix(values), True
    tried = [form for form in FORMS if _all_in(values[:_TRIED], form)]
    found = tuple(form for form in tried if len(values) <= _TRIED or _all_in(values, form))
    return found, bool(found) and all(_zoned(value) for value in values[:_TRIED])


def _unix(values: Sequence[str]) -> tuple[str, ...]:
    """Whole numbers that would all be times between 2000 and 2035, and are too many to be a code."""
    if len(values) <= _MANY or not all(value.isdigit() for value in values):
        return ()
    return tuple(
        form for form, per in _UNIX.items() if all(_FIRST <= int(value) / per <= _LAST for value in values)
    )


def _all_in(values: Sequence[str], form: str) -> bool:
    try:
        for value in values:
            time_of(value, (form,), "UTC")
    except ValueError:
        return False
    return True


def _zoned(value: str) -> bool:
    return value.endswith(("Z", "z")) or "+" in value[10:] or "-" in value[11:]
