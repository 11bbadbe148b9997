"""Public holidays, expanded once when a policy version is made and kept with it.

Two reasons. A later release of the calendar library must not change what an old version decides (replay). And
the library takes 0.4 s to import, which no run and no command should wait for.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from tools.policy.problems import Mistakes

FILE = "holidays.json"
YEARS: Final = range(2000, 2051)
"""Outside these years no holidays are known."""
Dates = frozenset[date]


def expand(countries: Iterable[str], mistakes: Mistakes) -> Mapping[str, Dates]:
    """Dates for codes such as ``DE`` or ``DE-BE``; an unknown code is noted as a mistake."""
    wanted = sorted(set(countries) - {""})
    if not wanted:
        return {}
    import holidays  # imports 0.4 s worth of countries: only where a version is made

    found: dict[str, Dates] = {}
    for code in wanted:
        country, _, part = code.partition("-")
        try:
            found[code] = frozenset(holidays.country_holidays(country, subdiv=part or None, years=YEARS))
        except NotImplementedError:
            remedy = (
                "use an ISO code such as DE, or DE-BE for a part, or leave it empty and list days as freezes"
            )
            mistakes.add("has no known holidays", remedy, column="holidays", cell=code)
    return found


def as_text(dates: Mapping[str, Dates]) -> str:
    """The kept form: ISO dates by country, sorted."""
    listed = {code: sorted(day.isoformat() for day in days) for code, days in sorted(dates.items())}
    return json.dumps(listed, indent=0) + "\n"


def read_dates(folder: Path) -> Mapping[str, Dates] | None:
    """Dates kept with a promoted version; None in a folder that people edit.

    Raises: ValueError if damaged.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    raw = json.loads(file.read_text(encoding="utf-8"))
    return {code: frozenset(date.fromisoformat(day) for day in days) for code, days in raw.items()}
