"""What became of each lead: decision times, outcomes within the horizon, and what cannot be told."""

import polars as pl

from domain.instants import HOUR
from domain.kinds import Kind

_WON, _LOST, _REVERTED = "won", "lost", "reverted"


def labelled(
    events: pl.DataFrame,
    leads: pl.DataFrame,
    ages: tuple[int, ...],
    *,
    horizon: int,
    last_seen: int,
    strict: bool = True,
) -> tuple[pl.DataFrame, dict[str, int]]:
    """``lead_id, account, region, as_of, known_at, label, label_known_at`` of every usable case, and what is left out.

    A case is a lead at `ages` hours after its first known signal, open then, and won within `horizon`
    microseconds of that, lost, or seen to the end of the horizon without either (`last_seen`, an Instant). An
    outcome that is taken back at any time counts as if it had not been. `label_known_at` is the Instant from which
    the label was known: of the outcome that decides it, or the end of the horizon.
    """
    standing, reverted = _standing(events)
    named, cases = _named(leads), _cases(events, leads, ages)
    judged = _judged(cases, standing, horizon)
    seen_to = (
        pl.max_horizontal("label_known_at", pl.col("as_of") + horizon) if strict else pl.col("label_known_at")
    )
    early = pl.col("as_of") > last_seen
    closed = pl.col("closed")
    open_end = seen_to > last_seen
    usable = judged.filter(~early & ~closed & ~open_end)
    counts = {
        "no_signals": named.height - cases["lead_id"].n_unique(),
        "undecided": judged.filter(early).height,
        "closed_before": judged.filter(~early & closed).height,
        "censored": judged.filter(~early & ~closed & open_end).height,
        "reverted": usable.join(reverted, on="lead_id", how="semi").height,
    }
    columns = ("lead_id", "account", "region", "as_of", "known_at", "label", "label_known_at")
    return usable.with_columns(known_at=pl.col("as_of")).select(columns), counts


def open_cases(events: pl.DataFrame, leads: pl.DataFrame, ages: tuple[int, ...]) -> pl.DataFrame:
    """``lead_id, account, region, as_of, known_at`` of every lead that was open at `ages` hours."""
    judged = _judged(_cases(events, leads, ages), _standing(events)[0], 0).filter(~pl.col("closed"))
    return judged.with_columns(known_at=pl.col("as_of")).select(
        "lead_id", "account", "region", "as_of", "known_at"
    )


def _cases(events: pl.DataFrame, leads: pl.DataFrame, ages: tuple[int, ...]) -> pl.DataFrame:
    """Each lead with a signal at each age."""
    first = events.group_by("lead_id").agg(first=pl.col("known").min())
    known = (
        _named(leads)
        .join(first, on="lead_id", how="inner")
        .join(pl.DataFrame({"age": list(ages)}), how="cross")
    )
    return known.with_columns(as_of=pl.col("first") + pl.col("age") * HOUR)


def _named(leads: pl.DataFrame) -> pl.DataFrame:
    absent = [pl.lit(None, dtype=pl.String).alias(n) for n in ("account", "region") if n not in leads.columns]
    named = leads.with_columns(absent).select("lead_id", "account", "region")
    return named.with_columns(pl.all().cast(pl.String)).unique("lead_id", keep="first", maintain_order=True)


def _standing(events: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``lead_id, at, known, won`` of outcomes that were not taken back; and leads of whom one was.

    Each reversal takes back the newest outcome before it that still stands.
    """
    told = events.filter(pl.col("kind") == Kind.OUTCOME.value).unique(("lead_id", "at", "ref"))
    rows: list[tuple[str, int, int, bool]] = []
    reverted: set[str] = set()
    ordered = told.sort("lead_id", "at", "ref").select("lead_id", "at", "known", "subject")
    for (lead,), frame in ordered.group_by("lead_id", maintain_order=True):
        stack: list[tuple[str, int, int, bool]] = []
        for _, at, known, subject in frame.iter_rows():
            if subject == _REVERTED:
                reverted.add(str(lead))
                if stack:
                    stack.pop()
            elif subject in (_WON, _LOST):
                stack.append((str(lead), at, known, subject == _WON))
        rows.extend(stack)
    schema = {"lead_id": pl.String, "at": pl.Int64, "known": pl.Int64, "won": pl.Boolean}
    gone = pl.DataFrame({"lead_id": sorted(reverted)}, schema={"lead_id": pl.String})
    return pl.DataFrame(rows, schema=schema, orient="row"), gone


def _judged(cases: pl.DataFrame, standing: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """`cases` with ``closed`` (by the decision time), ``label`` and ``label_known_at``."""
    pairs = cases.select("lead_id", "as_of").join(standing, on="lead_id", how="inner")
    inside = (pl.col("at") > pl.col("as_of")) & (pl.col("at") <= pl.col("as_of") + horizon)
    won, lost = inside & pl.col("won"), inside & ~pl.col("won")
    found = pairs.group_by("lead_id", "as_of").agg(
        closed=(pl.col("at") <= pl.col("as_of")).any(),
        won_at=pl.col("known").filter(won).min(),
        lost_at=pl.col("known").filter(lost).min(),
    )
    end = pl.col("as_of") + horizon
    return cases.join(found, on=("lead_id", "as_of"), how="left").with_columns(
        closed=pl.col("closed").fill_null(False),
        label=pl.col("won_at").is_not_null(),
        label_known_at=pl.coalesce("won_at", "lost_at", end),
    )
