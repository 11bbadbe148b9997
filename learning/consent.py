"""The rule of `domain.consent` over many leads at once: which events may be used as of each ask."""

import polars as pl

from domain.consent import REFUSED
from domain.kinds import Channel, Kind
from domain.signal import FACT, Consent

_WHOSE = ("ask", "lead_id")


def usable(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` without the marketing events that consent forbids, as of each ask.

    Rows are pairs of an ask and an event, sorted by (ask, at, ref, subject, kind), with at least the columns
    ``ask, as_of, lead_id, at, ref, subject, kind, value``. Leads that refuse nothing pass through.
    """
    refusing = rows.filter(_speaks_of_marketing() & _refuses()).select(_WHOSE).unique()
    if refusing.is_empty():
        return rows
    concerned = rows.join(refusing, on=_WHOSE, how="semi", maintain_order="left")
    others = rows.join(refusing, on=_WHOSE, how="anti", maintain_order="left")
    kept = _lawful(concerned)
    return pl.concat([others, kept]).sort("ask", "at", "ref", "subject", "kind")


def _lawful(rows: pl.DataFrame) -> pl.DataFrame:
    marketing = pl.col("kind").str.starts_with(f"{Channel.MARKETING.value}.")
    said = pl.when(_speaks_of_marketing()).then(_refuses())
    explicit = pl.when(_speaks_of_marketing() & _is_change()).then(_refuses())
    known = rows.with_columns(
        _last_said=said.forward_fill().over(_WHOSE), _last_change=explicit.forward_fill().over(_WHOSE)
    ).with_columns(_refused=pl.col("_last_change").fill_null(False) | pl.col("_last_said").fill_null(False))
    standing = pl.col("_refused").filter(pl.col("at") <= pl.col("as_of")).last().fill_null(False).over(_WHOSE)
    forbidden = marketing & (pl.col("_refused") | standing)
    return known.filter(~forbidden).select(rows.columns)


def _is_change() -> pl.Expr:
    return pl.col("kind") == Kind.CONSENT.value


def _speaks_of_marketing() -> pl.Expr:
    """Changes of consent other than for sales alone, and consent stated along with another signal."""
    aside = pl.col("value").is_in([Consent.GRANTED.value, Consent.DENIED.value]) & (pl.col("kind") != FACT)
    return pl.when(_is_change()).then(pl.col("value") != "sales").otherwise(aside)


def _refuses() -> pl.Expr:
    status = pl.when(_is_change()).then(pl.col("subject")).otherwise(pl.col("value"))
    return status.is_in(sorted(REFUSED))
