"""A first mapping for a file: what each column seems to be, which may know the end, and what only a person can say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.errors import BadInput
from learning.history.leaks import Suspicion, alone, suspicions, words_in
from learning.history.profile import Profile, markers_in, profiled
from learning.history.read import Table, read_table

ENCODINGS: Final = ("utf-8", "cp1252")
WON: Final = frozenset(
    {"won", "win", "converted", "approved", "purchased", "bought", "success", "sold", "signed"}
)
LOST: Final = frozenset({
    "lost", "lose", "declined", "cancelled", "canceled", "rejected", "disqualified", "unqualified", "churned", "dead",
})  # fmt: skip
YES: Final = frozenset({"1", "true", "yes", "y", "t"})
OUTCOME: Final = WON | {
    "outcome",
    "result",
    "conversion",
    "revenue",
    "purchase",
    "customer",
    "target",
    "label",
}
CREATED: Final = frozenset(
    {"created", "create", "registered", "received", "opened", "added", "entered", "first"}
)
ENDED: Final = frozenset(
    {"closed", "close", "won", "converted", "conversion", "ended", "outcome", "decided", "signed"}
)
ACCOUNT: Final = frozenset(
    {"account", "company", "organisation", "organization", "employer", "firm", "domain"}
)
MOST_LEVELS: Final = 60
FEWEST: Final = 0.005
"""Share of the rarer value below which two values are hardly won and lost."""
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ending:
    """The column that tells how it ended, and which of its values mean what."""

    column: str
    won: tuple[str, ...]
    lost: tuple[str, ...]
    open: tuple[str, ...] = ()
    why: str = ""
    others: tuple[str, ...] = ()
    """Further columns that it might have been."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a file seems to hold. `columns` are all of it; each column has one of these parts, or none."""

    table: Table
    columns: Mapping[str, Profile]
    markers: tuple[str, ...]
    lead: str | None
    """Column of the lead's key; None: the rows have none."""
    repeated: bool = False
    """True if a lead has several rows: then they are events."""
    created: str | None = None
    running: str | None = None
    """A running number, for an assumed order where there are no times."""
    account: str | None = None
    ending: Ending | None = None
    ended: str | None = None
    activity: str | None = None
    """Of events: the column that says what happened."""
    suspicions: tuple[Suspicion, ...] = ()
    useless: Mapping[str, str] = field(default_factory=dict)
    """Columns that cannot be used, and why."""


def suggest(path: Path, *, outcome: str | None = None) -> Suggestion:
    """Look at the file at `path`. `outcome` names the column that tells how it ended, where that is known.

    Raises: BadInput (the file cannot be read, or has no such column).
    """
    table = read_table(path, encodings=ENCODINGS)
    columns = {one.name: one for one in profiled(table)}
    if outcome is not None and outcome not in columns:
        raise BadInput("--outcome", "is no column of the file", f"it has {', '.join(columns)[:300]}")
    lead, repeated = _lead(columns)
    if repeated:
        return _events(table, columns, lead)
    ending = _ending(list(columns.values()), outcome)
    times = [one for one in columns.values() if one.kind == "time"]
    created = _created(times)
    parts = {lead, created, ending.column if ending else None}
    account = _by_words(columns.values(), ACCOUNT, parts)
    ended = _ended(times, created)
    parts |= {account, ended}
    y, decided = _results(columns, ending)
    left = [one for one in columns.values() if one.name not in parts and one.kind not in _USELESS]
    return Suggestion(
        table=table,
        columns=columns,
        markers=markers_in(table),
        lead=lead,
        created=created,
        running=None if created else _running(columns, lead),
        account=account,
        ending=ending,
        ended=ended,
        suspicions=tuple(suspicions(left, y, decided)) if ending else (),
        useless={one.name: _USELESS[one.kind] for one in columns.values() if one.kind in _USELESS},
    )


_USELESS: Final = {
    "empty": "empty in every row",
    "constant": "the same in every row",
    "identifier": "another value in every row: it names, and says nothing",
    "text": "free text, or nearly another value in every row",
}


def _lead(columns: Mapping[str, Profile]) -> tuple[str | None, bool]:
    """The column that names a lead: unique, or, beside a time that is full, one that comes again and again."""
    unique = [one for one in columns.values() if one.kind == "identifier"]
    named = [one for one in unique if words_in(one.name) & {"id", "key", "uuid", "guid", "number", "email"}]
    if unique:
        return (named or unique)[0].name, False
    if not any(one.kind == "time" and one.share == 1 for one in columns.values()):
        return None, False
    again = [
        one
        for one in columns.values()
        if one.share == 1 and one.distinct > MOST_LEVELS and one.kind in ("number", "category", "text")
        if 1.5 <= len(one.cells) / one.distinct <= 1_000
        and words_in(one.name) & {"id", "key", "case", "lead"}
    ]
    return (again[0].name, True) if again else (None, False)


def _ending(columns: Sequence[Profile], wanted: str | None) -> Ending | None:
    """The likeliest outcome: by its values' words, its name, its coding, and how much the other columns know of it."""
    candidates = [found for one in columns if (found := _as_ending(one, sure=one.name == wanted)) is not None]
    by_name = {one.name: one for one in columns}
    if wanted is not None:
        chosen = next((one for one in candidates if one.column == wanted), None)
        if chosen is None:
            raise BadInput("--outcome", "has not two results", "name a column with won and lost, or 1 and 0")
        return chosen
    if not candidates:
        return None
    ranks = {one.column: _rank(by_name[one.column], one) for one in candidates}
    first = max(ranks.values())
    tied = [one for one in candidates if ranks[one.column] == first]
    known = (
        {one.column: _known_by_others(by_name[one.column], one, columns) for one in tied}
        if len(tied) > 1
        else {}
    )
    chosen = max(tied, key=lambda one: known.get(one.column, 0.0))
    others = tuple(one.column for one in tied if one is not chosen)
    return Ending(chosen.column, chosen.won, chosen.lost, chosen.open, chosen.why, others)


def _as_ending(one: Profile, *, sure: bool) -> Ending | None:
    """`one` as an outcome, if its values can be that."""
    if one.kind not in ("category", "number") or not 2 <= one.distinct <= MOST_LEVELS:
        return None
    counts = dict(one.cells.drop_nulls().value_counts().iter_rows())
    won = tuple(sorted(level for level in counts if words_in(level) & WON and not words_in(level) & LOST))
    lost = tuple(sorted(level for level in counts if words_in(level) & LOST))
    if won and lost:
        return Ending(
            one.name, won, lost, tuple(sorted(counts.keys() - {*won, *lost})), "values say won and lost"
        )
    if one.distinct != 2 or (min(counts.values()) < FEWEST * len(one.cells) and not sure):
        return None
    yes = [level for level in counts if level.lower() in YES or words_in(level) & WON]
    if len(yes) == 1:
        return Ending(one.name, tuple(yes), tuple(counts.keys() - set(yes)), (), f"{yes[0]} is taken for won")
    if not sure:
        return None
    rare = min(counts, key=lambda level: (counts[level], level))
    return Ending(
        one.name, (rare,), tuple(counts.keys() - {rare}), (), f"{rare}, the rarer value, is taken for won"
    )


def _rank(one: Profile, ending: Ending) -> tuple[bool, bool, bool]:
    coded = {level.lower() for level in (*ending.won, *ending.lost)} in ({"0", "1"}, {"true", "false"})
    return ending.why.startswith("values"), bool(words_in(one.name) & OUTCOME), coded


def _known_by_others(one: Profile, ending: Ending, columns: Sequence[Profile]) -> float:
    """Mean AUC above 0.5 that the other columns have for it."""
    y = one.cells.is_in(list(ending.won)).fill_null(value=False).to_numpy().astype(np.int64)
    others = [c for c in columns if c.name != one.name and c.kind in ("number", "category")]
    return float(np.mean([max(0.0, alone(c.codes(), y) - 0.5) for c in others])) if others else 0.0


def _results(columns: Mapping[str, Profile], ending: Ending | None) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """1 where won, and which rows are decided."""
    if ending is None:
        return np.zeros(0, np.int64), np.zeros(0, np.bool_)
    cells = columns[ending.column].cells
    decided = cells.is_in([*ending.won, *ending.lost]).fill_null(value=False).to_numpy()
    return cells.is_in(list(ending.won)).fill_null(value=False).to_numpy().astype(np.int64), decided


def _created(times: Sequence[Profile]) -> str | None:
    full = [one for one in times if one.share == 1]
    named = [one for one in full if words_in(one.name) & CREATED and not words_in(one.name) & ENDED]
    plain = [one for one in full if not words_in(one.name) & ENDED]
    return (named or plain)[0].name if named or plain else None


def _ended(times: Sequence[Profile], created: str | None) -> str | None:
    named = [one.name for one in times if one.name != created and words_in(one.name) & ENDED]
    return named[0] if named else None


def _running(columns: Mapping[str, Profile], lead: str | None) -> str | None:
    """A whole number that no two rows share: perhaps given in the order in which leads came."""
    found = [one for one in columns.values() if one.kind == "identifier" and one.numbers is not None]
    return next((one.name for one in found if one.name != lead), found[0].name if found else None)


def _by_words(columns: Any, words: frozenset[str], taken: set[str | None]) -> str | None:
    found = [
        one.name
        for one in columns
        if one.name not in taken and one.kind in ("category", "text") and words_in(one.name) & words
        if one.distinct > MOST_LEVELS
    ]
    return found[0] if found else None


def _events(table: Table, columns: Mapping[str, Profile], lead: str | None) -> Suggestion:
    """Several rows a lead: the column of few texts that has most levels says what happened."""
    texts = [one for one in columns.values() if one.kind == "category" and 2 <= one.distinct <= MOST_LEVELS]
    activity = max(texts, key=lambda one: (one.share == 1, one.distinct), default=None)
    times = [one.name for one in columns.values() if one.kind == "time" and one.share == 1]
    ending = _as_ending(activity, sure=False) if activity is not None else None
    return Suggestion(
        table=table,
        columns=columns,
        markers=markers_in(table),
        lead=lead,
        repeated=True,
        created=times[0],
        account=_by_words(columns.values(), ACCOUNT, {lead}),
        ending=replace(ending, open=()) if ending is not None and ending.why.startswith("values") else None,
        activity=activity.name if activity else None,
    )
