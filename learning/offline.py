"""The offline interpreter: the same definitions as `domain.features`, over millions of signals at once.

For each ask (lead, as_of, known_at) it gives exactly what the online interpreter gives on the lead's events:
same windows, same ties, same cap, same merges. Work is cut into chunks of asks, so memory is bounded by
`pairs`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

import polars as pl

from domain.aggregates import selection_of
from domain.errors import BadInput
from domain.feature import FeatureDef
from domain.features import Catalogue
from domain.instants import HOUR
from domain.signal import FACT, Event
from domain.streams import Selection
from learning.aggregates import completed, values_of, with_decay
from learning.consent import usable

EVENTS: Final[Mapping[str, type[pl.DataType]]] = {
    "lead_id": pl.String,
    "at": pl.Int64,
    "ref": pl.String,
    "subject": pl.String,
    "kind": pl.String,
    "value": pl.String,
    "amount": pl.Int64,
    "known": pl.Int64,
}
"""Columns of the events: as in `domain.signal.Event`, with the lead."""
PAIRS: Final = 1_000_000
"""Pairs of ask and event held at once, about; one ask is never cut."""
_EVER: Final = 2**63 - 1
_KEY: Final = ("at", "ref", "subject", "kind")


def frame_of(leads: Iterable[tuple[str, Iterable[Event]]]) -> pl.DataFrame:
    """Events of leads as the frame that `point_in_time` reads."""
    rows = [
        (lead, e.at, e.ref, e.subject, e.kind, e.value, e.amount, e.known) for lead, es in leads for e in es
    ]
    return pl.DataFrame(rows, schema=dict(EVENTS), orient="row")


def point_in_time(
    catalogue: Catalogue,
    events: pl.DataFrame,
    asks: pl.DataFrame,
    *,
    membership: pl.DataFrame | None = None,
    accounts: pl.DataFrame | None = None,
    names: frozenset[str] | None = None,
    lawful: bool = True,
    pairs: int = PAIRS,
) -> pl.DataFrame:
    """`asks`, in the order given, with one column per feature: its value as of ``as_of``.

    Args:
        catalogue: The definitions and the cap.
        events: Columns `EVENTS`, in any order. Repeats count once, as first known.
        asks: ``lead_id``, ``as_of`` (Instant) and maybe ``known_at`` (Instant; null = everything is known),
            as many per lead as wanted; further columns are carried along.
        membership: ``ref, lead_id, known_from, known_to`` (Instants; null ``known_to`` = until now): the lead
            of a signal, as known from when to before when. Signals not named keep their lead of `events`.
        accounts: ``lead_id, account``: then asks have ``account`` instead of ``lead_id``, and get the account
            features over the events of its leads.
        names: Only these features.
        lawful: Leave out the events that consent forbids as of each ask, as a run does (`domain.consent`).
        pairs: Bound on the pairs of ask and event that are held at once.

    Raises: BadInput naming the frame and the column; KeyError for an unknown name.
    """
    scope: Literal["lead", "account"] = "lead" if accounts is None else "account"
    whose = "lead_id" if accounts is None else "account"
    plan = catalogue.plan(scope, names)
    wanted = [definition for definition in catalogue.definitions if definition.name in plan.empty]
    for name in (name for name in plan.empty if name in asks.columns):
        raise BadInput(f"asks.{name}", "is also the name of a feature", "rename the column")
    questions, entities = _questions(asks, whose)
    history = _history(_checked(events, "events", EVENTS), membership, accounts, entities)
    answers = [
        _answered(_seen(chunk, history, catalogue.cap, lawful=lawful), chunk, wanted)
        for chunk in _chunks(questions, history, pairs)
    ]
    columns = [definition.name for definition in wanted]
    if not answers:
        return asks.with_columns([completed(asks, definition) for definition in wanted])
    values = pl.concat(answers).sort("ask").select(columns)
    return pl.concat([asks, values], how="horizontal")


def _checked(frame: pl.DataFrame, called: str, columns: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """The `columns` of `frame` in their types, none of them null."""
    for name, dtype in columns.items():
        if name not in frame.columns:
            raise BadInput(f"{called}.{name}", "is missing", f"give the columns {', '.join(columns)}")
        if frame.schema[name] != dtype and frame.height and not _harmless(frame.schema[name], dtype):
            raise BadInput(f"{called}.{name}", f"is {frame.schema[name]}", f"cast it to {dtype.__name__}")
        if frame[name].null_count():
            raise BadInput(f"{called}.{name}", "has nulls", "fill them, or leave the rows out")
    return frame.select([pl.col(name).cast(dtype) for name, dtype in columns.items()])


def _harmless(found: pl.DataType, wanted: type[pl.DataType]) -> bool:
    """Integers and texts may come in other widths; a float or a datetime may not pass for an Instant."""
    if wanted is pl.Int64:
        return found.is_integer()
    return found in (pl.Categorical, pl.Enum)


def _questions(asks: pl.DataFrame, whose: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``ask, entity, as_of, known_at``: the asks, numbered, as are those they ask of; and ``name, entity``."""
    checked = _checked(asks, "asks", {whose: pl.String, "as_of": pl.Int64})
    known = asks["known_at"] if "known_at" in asks.columns else pl.Series("known_at", [None] * asks.height)
    if known.dtype != pl.Null and not known.dtype.is_integer():
        raise BadInput("asks.known_at", f"is {known.dtype}", "give Instants (microseconds, integers) or null")
    entities = checked.select(pl.col(whose).alias("name").unique(maintain_order=True)).with_row_index(
        "entity"
    )
    numbered = checked.join(entities, left_on=whose, right_on="name", maintain_order="left").select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("ask"),
        "entity",
        "as_of",
        known.cast(pl.Int64).fill_null(_EVER).alias("known_at"),
    )
    return numbered, entities


def _history(
    events: pl.DataFrame,
    membership: pl.DataFrame | None,
    accounts: pl.DataFrame | None,
    entities: pl.DataFrame,
) -> pl.DataFrame:
    """Events of the entities asked for, leads by number: each once, sorted by (entity, at, ref, subject, kind).

    ``since`` and ``until`` (both included) say from when to when the event was known to belong to that
    entity.
    """
    found = events.with_columns(since=pl.lit(-_EVER, dtype=pl.Int64), until=pl.lit(_EVER, dtype=pl.Int64))
    if membership is not None:
        found = _placed(found, membership)
    if accounts is None:
        found = found.join(entities, left_on="lead_id", right_on="name").with_columns(lead_id="entity")
    else:
        pairs = _checked(accounts, "accounts", {"lead_id": pl.String, "account": pl.String}).unique()
        found = found.join(pairs, on="lead_id").join(entities, left_on="account", right_on="name")
        found = found.with_columns(pl.col("lead_id").rank("dense"))
    return _once(found)


def _once(events: pl.DataFrame) -> pl.DataFrame:
    """`events` in their order, repeats as first known. Texts are compared only where moments are the same."""
    place = events.select(pl.arg_sort_by("entity", "at")).to_series()
    moment = events.select(pl.col("entity", "at").gather(place))
    again = pl.all_horizontal(pl.all() == pl.all().shift(1)).fill_null(value=False)
    tied = moment.select((again | again.shift(-1, fill_value=False)).arg_true()).to_series()
    if tied.is_empty():
        return events[place]
    same = ("entity", *_KEY, "lead_id", "since")
    contested = place.gather(tied)
    among = events[contested].select(pl.arg_sort_by(*same, "known", "value", "amount")).to_series()
    place = place.scatter(tied, contested.gather(among))
    ordered = events[place]
    new = pl.any_horizontal([pl.col(name).ne_missing(pl.col(name).shift(1)) for name in reversed(same)])
    return ordered.filter(new)


def _placed(events: pl.DataFrame, membership: pl.DataFrame) -> pl.DataFrame:
    """`events` with the lead of each as `membership` says, once for each lead it ever belonged to."""
    columns = {"ref": pl.String, "lead_id": pl.String, "known_from": pl.Int64}
    if "known_to" not in membership.columns:
        raise BadInput("membership.known_to", "is missing", "give it, null where a span has not ended")
    until = (membership["known_to"].cast(pl.Int64) - 1).fill_null(_EVER)
    spans = _checked(membership, "membership", columns).with_columns(until=until).sort("ref", "known_from")
    overlap = (pl.col("ref") == pl.col("ref").shift(1)) & (pl.col("known_from") <= pl.col("until").shift(1))
    if spans.select(overlap.any()).item():
        raise BadInput(
            "membership", "has spans of one ref that overlap", "a signal belongs to one lead at a time"
        )
    moved = events.drop("lead_id", "since", "until").join(
        spans.rename({"known_from": "since"}), on="ref", how="inner"
    )
    return pl.concat([events.join(spans, on="ref", how="anti"), moved.select(events.columns)])


def _chunks(questions: pl.DataFrame, history: pl.DataFrame, pairs: int) -> Iterator[pl.DataFrame]:
    """The asks, those of one entity together as far as possible, in chunks of about `pairs` pairs."""
    sizes = history.group_by("entity").agg(size=pl.len().cast(pl.Int64))
    sized = questions.join(sizes, on="entity", how="left").sort("entity", "ask")
    chunk = (pl.col("size").fill_null(0) + 1).cum_sum() // max(1, pairs)
    yield from (
        sized.with_columns(chunk=chunk)
        .drop("size")
        .partition_by("chunk", maintain_order=True, include_key=False)
    )


def _answered(rows: pl.DataFrame, asks: pl.DataFrame, wanted: Sequence[FeatureDef]) -> pl.DataFrame:
    """``ask`` and the features of one chunk."""
    rows = with_decay(rows, frozenset(d.half_life_hours for d in wanted if d.half_life_hours is not None))
    by_selection: dict[Selection, list[FeatureDef]] = {}
    for definition in wanted:
        by_selection.setdefault(selection_of(definition), []).append(definition)
    found = {}
    for (kinds, subjects), definitions in by_selection.items():
        chosen = rows.filter(_among("kind", kinds) & _among("subject", subjects))
        for part in values_of(chosen, definitions):
            aligned = asks.select("ask").join(part, on="ask", how="left", maintain_order="left")
            found.update({name: aligned[name] for name in aligned.columns[1:]})
    values = asks.select("ask").with_columns(**found)
    return values.select("ask", *[completed(values, definition) for definition in wanted])


def _among(column: str, wanted: Sequence[str]) -> pl.Expr:
    """Whether `column` is one of `wanted`; of nothing, anything will do."""
    return pl.any_horizontal([pl.col(column) == one for one in wanted]) if wanted else pl.lit(value=True)


def _seen(asks: pl.DataFrame, history: pl.DataFrame, cap: int, *, lawful: bool) -> pl.DataFrame:
    """Pairs of ask and event: of what was known the newest `cap`, of those what may be used and was past."""
    rows = asks.join(history, on="entity", how="inner", maintain_order="left_right").filter(
        pl.col("known") <= pl.col("known_at"),
        pl.col("since") <= pl.col("known_at"),
        pl.col("known_at") <= pl.col("until"),
    )
    if rows.height > cap:
        from_newest = pl.int_range(pl.len(), 0, -1).over("ask", "lead_id")
        rows = rows.filter(from_newest <= cap)
    rows = (usable(rows) if lawful else rows).filter(pl.col("at") <= pl.col("as_of"))
    fact = pl.col("kind") == FACT
    return rows.select(
        "ask",
        "at",
        (pl.col("as_of").floordiv(HOUR) - pl.col("at").floordiv(HOUR)).alias("age"),
        "subject",
        pl.col("kind").cast(pl.Categorical),
        pl.when(fact).then("value").otherwise("subject").alias("text"),
        "amount",
        pl.col("lead_id").alias("member"),
    )
