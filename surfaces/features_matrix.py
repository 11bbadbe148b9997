"""The features of all leads of a home as of one time: a table that is the same for the same signals."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from domain.consent import Lawful
from domain.errors import BadInput
from domain.feature import Aggregate
from domain.features import Catalogue
from domain.identity import home_key
from domain.ports.home import Home
from domain.signal import LeadKey


@dataclass(frozen=True, slots=True)
class Matrix:
    """One row per lead: ``key`` (the first of its keys), ``keys`` (all), ``as_of`` (Instant), the features.

    `over_cap` counts leads of whose events some are not kept any more.
    """

    frame: pl.DataFrame
    over_cap: int


async def matrix(home: Home, as_of: int, *, known_at: int | None = None) -> Matrix:
    """The features of every lead that may be processed, over the events that may be used, sorted by key.

    Equal sets of signals give equal tables.
    """
    schema = _schema(home.catalogue)
    frames, over_cap = [pl.DataFrame(schema=schema)], 0
    async for batch in home.reads.leads(home.tenant):
        rows = []
        for lead in batch:
            if lead.suppressed:
                continue
            keys = await home.reads.keys(home.tenant, lead.lead_id)
            usable = Lawful(home.catalogue.known(lead.events, known_at)).of(as_of)
            values = home.catalogue.evaluate(usable, as_of)
            first = home_key(keys) if keys else None
            rows.append((_text(first), sorted(map(_text, keys)), as_of, *values.values()))
            over_cap += lead.dropped > 0
        frames.append(pl.DataFrame(rows, schema=schema, orient="row"))
    return Matrix(pl.concat(frames, rechunk=True).sort("key", pl.col("keys").list.join(" ")), over_cap)


def save(frame: pl.DataFrame, file: Path) -> None:
    """Write `frame` as Parquet or JSON lines, by the file's ending; the file appears whole or not at all.

    Raises: BadInput if the file cannot be written.
    """
    draft = file.with_name(f"{file.name}.part")
    try:
        with draft.open("wb") as sink:
            if file.suffix == ".parquet":
                frame.write_parquet(sink)
            else:
                frame.write_ndjson(sink)
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadInput(
            "--out", f"cannot be written ({error.strerror})", "name a file in a folder that exists"
        ) from None


def _text(key: LeadKey | None) -> str:
    return f"{key.kind.value}:{key.value}" if key is not None else ""


def _schema(catalogue: Catalogue) -> dict[str, pl.DataType]:
    columns: dict[str, pl.DataType] = {"key": pl.String(), "keys": pl.List(pl.String()), "as_of": pl.Int64()}
    for definition in catalogue.definitions:
        if definition.scope == "lead":
            columns[definition.name] = pl.String() if definition.aggregate is Aggregate.LAST else pl.Int64()
    return columns
