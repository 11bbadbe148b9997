"""Loading a policy folder strictly: all of it is right, or nothing of it is used."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from domain.errors import ConfigError
from tools.policy import calendar, columns, holdout, holiday_dates
from tools.policy.calendar import Calendar
from tools.policy.cases import CaseFile, read_cases, run_cases
from tools.policy.columns import Columns
from tools.policy.evaluator import TablePolicy
from tools.policy.problems import Mistakes, Problem, did_you_mean, raise_if_any
from tools.policy.reach import check_rows
from tools.policy.reps import check_reps, load_reps
from tools.policy.tables import NEEDED, TABLES, Table, read_table

FILES = (
    columns.FILE,
    calendar.FILE,
    *(f"{table}.csv" for table in NEEDED),
    *(f"{table}.cases.csv" for table in NEEDED),
)
"""What a policy folder consists of."""
EXTRA = (
    holdout.FILE,
    *(f"{table}{end}" for table in TABLES if table not in NEEDED for end in (".csv", ".cases.csv")),
)
"""What may be there too; a version promoted before there was such a file has none."""


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table in a report. `uncovered` are the rules that no example case makes fire."""

    table: str
    rows: int
    cases: int
    uncovered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """What a check found. `policy` and `version` are there only if there is no problem."""

    folder: str
    policy: TablePolicy | None
    problems: tuple[Problem, ...]
    tables: tuple[TableReport, ...]

    @property
    def version(self) -> str | None:
        """Content hash, 12 hex digits."""
        return self.policy.version if self.policy else None


@dataclass(frozen=True, slots=True)
class _Parts:
    """Everything read from a folder; None where a file could not be used."""

    columns: Columns | None
    calendar: Calendar | None
    tables: tuple[Table, ...]
    cases: tuple[CaseFile, ...]
    holdout: Mapping[str, int]
    problems: tuple[Problem, ...]


def load_policy(folder: Path) -> TablePolicy:
    """The policy in `folder`.

    Raises: ConfigError naming file, row, column, cell and remedy of each mistake.
    """
    report = check_policy(folder)
    raise_if_any(report.problems, f"policy {folder}")
    if report.policy is None:
        raise AssertionError("a folder without problems gives a policy")
    return report.policy


def check_policy(folder: Path, reps: Path | None = None) -> PolicyReport:
    """All mistakes of a folder at once, and which rules no example covers.

    With `reps`, the list of people is held against the tables too.
    """
    report = _check(folder)
    if reps is None or report.policy is None:
        return report
    try:
        return replace(report, problems=check_reps(load_reps(reps), report.policy.columns, reps.name))
    except ConfigError as error:
        problem = Problem(reps.name, "", "", "", str(error), "mend the list of people")
        return replace(report, problems=(problem,))


def _check(folder: Path) -> PolicyReport:
    if not folder.is_dir():
        remedy = "name a folder with the tables of a policy"
        return PolicyReport(
            str(folder), None, (Problem(str(folder), "", "", "", "is no folder", remedy),), ()
        )
    parts = _read(folder)
    if (
        parts.columns is None
        or parts.calendar is None
        or not {*NEEDED} <= {table.name for table in parts.tables}
    ):
        return PolicyReport(str(folder), None, parts.problems, ())
    version = "" if parts.problems else _version(folder, parts.calendar.holidays)
    policy = TablePolicy(version, parts.tables, parts.columns, parts.calendar, holdout=parts.holdout)
    problems, tables = list(parts.problems), []
    wrong = {problem.file for problem in problems}
    for table, file in zip(parts.tables, parts.cases, strict=True):
        mistakes = Mistakes(f"{table.name}.cases.csv")
        hit = run_cases(policy, file, mistakes)
        problems += mistakes.found if f"{table.name}.csv" not in wrong else []
        uncovered = tuple(row.rule for row in table.rows if row.rule not in hit)
        tables.append(TableReport(table.name, len(table.rows), len(file.cases), uncovered))
    return PolicyReport(str(folder), None if problems else policy, tuple(problems), tuple(tables))


def policy_files(folder: Path, dates: Mapping[str, holiday_dates.Dates]) -> Mapping[str, bytes]:
    """The content of a version by file name, line ends and marks as one form, holidays expanded."""
    names = (*FILES, *(name for name in EXTRA if (folder / name).is_file()))
    found = {name: _plain((folder / name).read_bytes()) for name in names}
    return found | {holiday_dates.FILE: holiday_dates.as_text(dates).encode()}


def _read(folder: Path) -> _Parts:
    problems = list(_strangers(folder))
    notes = Mistakes(columns.FILE)
    found = columns.read_columns(folder, notes)
    if found is not None:
        _check_declared(folder, found, notes)
    problems += notes.found
    if found is None or notes.found:
        return _Parts(None, None, (), (), {}, tuple(problems))
    notes = Mistakes(calendar.FILE)
    times = _calendar(folder, found, notes)
    problems += notes.found
    notes = Mistakes(holdout.FILE)
    held_out = holdout.read_holdout(folder, found.codes.get("region", frozenset()), notes)
    problems += notes.found
    tables, cases = [], []
    for name in _tables_of(folder):
        notes = Mistakes(f"{name}.csv")
        table = read_table(folder, name, found, notes)
        if table is not None:
            check_rows(table, found, notes)
            tables.append(table)
        problems += notes.found
        if table is not None:
            notes = Mistakes(f"{name}.cases.csv")
            cases.append(read_cases(folder, table, found, notes))
            problems += notes.found
    return _Parts(found, times, tuple(tables), tuple(cases), held_out, tuple(problems))


def _tables_of(folder: Path) -> tuple[str, ...]:
    return tuple(name for name in TABLES if name in NEEDED or (folder / f"{name}.csv").is_file())


def _check_declared(folder: Path, found: Columns, mistakes: Mistakes) -> None:
    for name in _tables_of(folder):
        if name not in found.outputs:
            remedy = f"add [outputs.{name}...]; copy the shipped ones"
            mistakes.add("has no outputs of this table", remedy, column=f"outputs.{name}")
    for name in sorted(found.outputs.keys() - TABLES.keys()):
        mistakes.add("is no table", did_you_mean(name, TABLES, "tables are"), column=f"outputs.{name}")
    if "region" not in found.codes:
        mistakes.add(
            "is missing or lists no codes", "declare the regions that leads have", column="columns.region"
        )


def _calendar(folder: Path, found: Columns, mistakes: Mistakes) -> Calendar | None:
    regions = calendar.read_calendar(folder, found.codes.get("region", frozenset()), mistakes)
    if regions is None:
        return None
    try:
        kept = holiday_dates.read_dates(folder)
    except ValueError as error:
        mistakes.add(
            f"{holiday_dates.FILE} is damaged: {error}", "delete it, it is written when a version is promoted"
        )
        return None
    countries = {one.holidays for one in regions.values()}
    return Calendar(regions, kept if kept is not None else holiday_dates.expand(countries, mistakes))


def _strangers(folder: Path) -> list[Problem]:
    known = {*FILES, *EXTRA, holiday_dates.FILE}
    names = sorted(file.name for file in folder.iterdir() if file.suffix in (".csv", ".toml"))
    remedy = "move it out of the policy folder: no table is read from it"
    return [
        Problem(
            name,
            "",
            "",
            "",
            "is not a file of a policy",
            f"{did_you_mean(name, known, 'files are')}; or {remedy}",
        )
        for name in names
        if name not in known and not name.startswith(".")
    ]


def _version(folder: Path, dates: Mapping[str, holiday_dates.Dates]) -> str:
    digest = sha256()
    for name, content in sorted(policy_files(folder, dates).items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def _plain(raw: bytes) -> bytes:
    return raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
