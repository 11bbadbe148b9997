"""One decision table, read strictly: header, ids, sentences, conditions compiled, outputs of known codes."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from domain.policy import Fact, FiredRow
from domain.stakes import COLUMNS as STAKES
from tools.policy.cells import BadCell, Cell, compiled, read_cell
from tools.policy.columns import Columns
from tools.policy.outputs import inconsistencies, read_output
from tools.policy.problems import Mistakes, did_you_mean
from tools.policy.sheet import Line, read_sheet

Ask = Callable[[dict[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a table is asked: for the first row that fits or for all that fit; before routing, or after it."""

    first: bool
    after_routing: bool
    apart: bool = False
    """Asked by name only, and need not be there."""
    only: frozenset[str] | None = None
    """The columns that it may read; None = any."""


TABLES: Final[Mapping[str, Kind]] = {
    "model": Kind(first=True, after_routing=True, apart=True, only=STAKES),
    "do_not_act": Kind(first=False, after_routing=False),
    "routing": Kind(first=True, after_routing=False),
    "approval": Kind(first=True, after_routing=True),
    "timing": Kind(first=True, after_routing=True),
}
"""The tables of a policy, in the order in which they are asked."""
NEEDED: Final = tuple(name for name, kind in TABLES.items() if not kind.apart)
_RULE = re.compile(r"^[a-z][a-z0-9_]{0,39}$")
_WHY_LIMIT = 240


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the conditions that must all hold, and what is reported when they do."""

    rule: str
    line: int
    cells: tuple[Cell, ...]
    fired: FiredRow


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the rows that have no mistake of their own; `ids` and `last_line` count all rows."""

    name: str
    first: bool
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    ids: frozenset[str]
    last_line: int
    asks: Mapping[tuple[str, str], Ask] = field(repr=False)
    """Compiled cells by (column, expression)."""


def read_table(folder: Path, name: str, columns: Columns, mistakes: Mistakes) -> Table | None:
    """The table `name`; None if its header cannot be used. Rows with mistakes are noted and left out."""
    sheet = read_sheet(folder / f"{name}.csv", mistakes)
    if sheet is None:
        return None
    reader = _Reader(name, columns, mistakes)
    if not reader.header_ok(sheet.header):
        return None
    rows = tuple(row for line in sheet.lines if (row := reader.row(line)) is not None)
    return Table(
        name=name,
        first=TABLES[name].first,
        columns=tuple(part[5:] for part in sheet.header if part.startswith("when:")),
        rows=rows,
        ids=frozenset(line.cells["rule"] for line in sheet.lines),
        last_line=sheet.lines[-1].number if sheet.lines else 0,
        asks=reader.asks,
    )


class _Reader:
    """Reads the rows of one table; keeps the compiled cells that they share."""

    def __init__(self, table: str, columns: Columns, mistakes: Mistakes) -> None:
        self.table, self.columns, self.mistakes = table, columns, mistakes
        self.outputs = columns.outputs[table]
        self.asks: dict[tuple[str, str], Ask] = {}

    def header_ok(self, header: tuple[str, ...]) -> bool:
        """Note what is missing from or wrong in the header."""
        before = len(self.mistakes.found)
        for needed in {"rule", "why"} - set(header):
            self.mistakes.add("is missing from the header", f"add a column called {needed}", column=needed)
        for output, spec in self.outputs.items():
            if f"then:{output}" not in header and not spec.optional:
                remedy = f"add it: {spec.words}"
                self.mistakes.add("is missing from the header", remedy, column=f"then:{output}")
        for part in header:
            if part not in ("rule", "why"):
                self._check_header_cell(part)
        return len(self.mistakes.found) == before

    def row(self, line: Line) -> Row | None:
        """One row; None if it has a mistake."""
        before = len(self.mistakes.found)
        rule, why = line.cells["rule"], line.cells["why"]
        shown = rule or f"line {line.number}"
        self._check_words(line, shown)
        cells = tuple(self._conditions(line, shown))
        outputs = self._said(line, shown)
        if not cells and not TABLES[self.table].first:
            remedy = "give it a condition; to stop everything use a freeze in calendar.toml"
            self.mistakes.add("fits every lead", remedy, row=shown)
        if len(self.mistakes.found) > before:
            return None
        for column, problem, remedy in inconsistencies(self.table, outputs):
            text = line.cells.get(f"then:{column}", "")
            self.mistakes.add(problem, remedy, row=shown, column=f"then:{column}", cell=text)
        return Row(rule, line.number, cells, FiredRow(self.table, rule, why, outputs))

    def _check_header_cell(self, part: str) -> None:
        side, _, word = part.partition(":")
        facts = self.columns.facts
        if side == "when" and word in facts:
            if facts[word].after_routing and not TABLES[self.table].after_routing:
                remedy = "use it in the approval or timing table, not here"
                self.mistakes.add("is only known after routing", remedy, column=part)
            only = TABLES[self.table].only
            if only is not None and word not in only:
                self.mistakes.add("is not known here", did_you_mean(word, only, "columns are"), column=part)
        elif side == "when":
            remedy = did_you_mean(word, facts, "columns.toml declares")
            self.mistakes.add("is no declared column", remedy, column=part)
        elif side != "then":
            remedy = "name it rule, why, when:<column> or then:<output>"
            self.mistakes.add("is no column of a table", remedy, column=part)
        elif word not in self.outputs:
            remedy = did_you_mean(word, self.outputs, f"outputs of {self.table}")
            self.mistakes.add("is no output of this table", remedy, column=part)

    def _check_words(self, line: Line, shown: str) -> None:
        rule, why = line.cells["rule"], line.cells["why"]
        if not _RULE.match(rule):
            remedy = "write a short id of small letters, digits and underscores"
            self.mistakes.add("is no rule id", remedy, row=f"line {line.number}", column="rule", cell=rule)
        if not why or len(why) > _WHY_LIMIT:
            problem = "is too long" if why else "is empty"
            remedy = f"say in one sentence of at most {_WHY_LIMIT} characters why this row decides so"
            self.mistakes.add(problem, remedy, row=shown, column="why", cell=why)

    def _conditions(self, line: Line, shown: str) -> Iterator[Cell]:
        for part, text in line.cells.items():
            side, _, word = part.partition(":")
            if side != "when":
                continue
            column = self.columns.facts[word]
            try:
                cell = read_cell(word, column, text)
                if cell is not None:
                    key = (cell.column, cell.expression)
                    self.asks[key] = self.asks.get(key) or compiled(cell, column)
                    yield cell
            except BadCell as bad:
                self.mistakes.add(bad.problem, bad.remedy, row=shown, column=part, cell=text)

    def _said(self, line: Line, shown: str) -> dict[str, Fact]:
        said: dict[str, Fact] = {}
        for name, spec in self.outputs.items():
            text = line.cells.get(f"then:{name}", "")
            try:
                said[name] = read_output(spec, text)
            except BadCell as bad:
                self.mistakes.add(bad.problem, bad.remedy, row=shown, column=f"then:{name}", cell=text)
        return said
