"""The made-up company of the demo: leadforge's tables, written to a folder, read back as signals, and its sales."""

import contextlib
import io
import logging
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.errors import Permanent
from domain.instants import Instant, instant
from domain.kinds import Kind
from domain.ports.sources import RawItem

RECIPE = "b2b_saas_procurement_v1"
FIRST_DAY = date(2024, 1, 1)
"""All leads of a bundle are made within the month that starts here."""
KEY = "crm_id"


def make_company(folder: Path, *, leads: int, seed: int) -> None:
    """Write the tables of a company with `leads` leads to `folder`; the same seed gives the same company.

    Raises: Permanent if leadforge is not installed.
    """
    try:
        from leadforge.api import Generator
    except ImportError as error:
        raise Permanent("leadforge is not installed; run make setup") from error
    logging.getLogger("leadforge").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):
        generator = Generator.from_recipe(RECIPE, seed=seed, exposure_mode="research_instructor")
        generator.generate(n_leads=leads, difficulty="intermediate").save(str(folder))


def last_day(days: int) -> date:
    """The last of `days` simulated days."""
    return FIRST_DAY + timedelta(days=days - 1)


def wins(items: Iterable[tuple[int, RawItem]]) -> Mapping[str, Instant]:
    """CRM id -> when it was won, over the whole future in `items`: for judging, never for scoring."""
    won: dict[str, Instant] = {}
    for _, raw in items:
        if isinstance(raw, Mapping) and raw.get("kind") == Kind.OUTCOME.value and _result(raw) == "won":
            won[_key(raw)] = _at(raw)
    return won


def _result(raw: Mapping[str, Any]) -> str:
    return str(raw.get("payload", {}).get("result", ""))


def _key(raw: Mapping[str, Any]) -> str:
    keys = raw["keys"]
    if isinstance(keys, Mapping):
        return str(keys[KEY])
    return next(str(key["value"]) for key in keys if key["kind"] == KEY)


def _at(raw: Mapping[str, Any]) -> Instant:
    stamp = raw["occurred_at"]
    return Instant(stamp * 1_000) if isinstance(stamp, int) else instant(datetime.fromisoformat(str(stamp)))
