"""The people leads are given to: `reps.csv`, one row each."""

import re
from collections.abc import Sequence
from pathlib import Path

from domain.policy import Rep
from tools.policy.columns import Columns
from tools.policy.problems import Mistakes, Problem, did_you_mean, raise_if_any
from tools.policy.sheet import Line, read_sheet

HEADER = ("rep_id", "team", "regions", "segments", "capacity")
ANY = "any"
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")
_CODE = re.compile(r"^[a-z][a-z0-9_]*$")
_MOST = 10_000


def load_reps(file: Path) -> tuple[Rep, ...]:
    """The people in `file` in its order, without load: the store adds today's `load` and `last_assigned`.

    ``any`` under regions or segments gives an empty tuple, which takes all.
    Raises: ConfigError naming line, column and remedy of each mistake.
    """
    mistakes = Mistakes(file.name)
    sheet = read_sheet(file, mistakes)
    reps: list[Rep] = []
    if sheet is not None:
        for missing in [name for name in HEADER if name not in sheet.header]:
            remedy = f"the header is {','.join(HEADER)}"
            mistakes.add("is missing from the header", remedy, column=missing)
        if not mistakes.found:
            reps = [rep for line in sheet.lines if (rep := _rep(line, mistakes)) is not None]
        ids = [rep.rep_id for rep in reps]
        for doubled in sorted({one for one in ids if ids.count(one) > 1}):
            mistakes.add("stands twice", "one row per person", row=doubled, column="rep_id")
    raise_if_any(mistakes.found, str(file))
    return tuple(reps)


def check_reps(reps: Sequence[Rep], columns: Columns, file: str = "reps.csv") -> tuple[Problem, ...]:
    """Words in the list of people that the tables do not know, and teams that nobody is in."""
    mistakes = Mistakes(file)
    teams = frozenset(columns.outputs["routing"]["team"].codes)
    known = {"team": teams, "regions": columns.codes["region"], "segments": columns.codes["segment"]}
    for rep in reps:
        for column, words in (("team", (rep.team,)), ("regions", rep.regions), ("segments", rep.segments)):
            for word in words:
                if word not in known[column]:
                    remedy = did_you_mean(word, known[column], "columns.toml lists")
                    mistakes.add("is not known", remedy, row=rep.rep_id, column=column, cell=word)
    for team in sorted(teams - {rep.team for rep in reps}):
        mistakes.add(
            f"nobody is in team {team}", "add a person, or take the team out of the tables", column="team"
        )
    return tuple(mistakes.found)


def _rep(line: Line, mistakes: Mistakes) -> Rep | None:
    before, cells = len(mistakes.found), line.cells
    shown = cells["rep_id"] or f"line {line.number}"
    if not _ID.match(cells["rep_id"]):
        mistakes.add("is no id", "letters, digits, _ . -", row=shown, column="rep_id", cell=cells["rep_id"])
    if not _CODE.match(cells["team"]):
        mistakes.add("is no team", "write a code such as sales", row=shown, column="team", cell=cells["team"])
    capacity = cells["capacity"]
    if not capacity.isascii() or not capacity.isdigit() or int(capacity) > _MOST:
        remedy = f"write how many new leads a day, 0 to {_MOST}"
        mistakes.add("is no whole number", remedy, row=shown, column="capacity", cell=capacity)
    lists = {name: _words(cells[name], name, shown, mistakes) for name in ("regions", "segments")}
    if len(mistakes.found) > before:
        return None
    return Rep(cells["rep_id"], cells["team"], lists["regions"], lists["segments"], int(capacity), 0, 0)


def _words(text: str, column: str, shown: str, mistakes: Mistakes) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    if words == (ANY,):
        return ()
    if not all(_CODE.match(word) for word in words):
        remedy = "write codes parted by commas, such as eu, uk, or any"
        mistakes.add("is no list of codes", remedy, row=shown, column=column, cell=text)
    return words
