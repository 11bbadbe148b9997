"""Example cases: what people expect of a table, written beside it, asked each time it is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.policy import Fact, FiredRow
from tools.policy.cells import BadCell, read_value
from tools.policy.columns import Columns
from tools.policy.evaluator import TablePolicy
from tools.policy.outputs import read_output
from tools.policy.problems import Mistakes, did_you_mean
from tools.policy.sheet import Line, Sheet, read_sheet
from tools.policy.tables import Table

NONE = "none"
"""Expected where no row of a do-not-act table should fire."""


@dataclass(frozen=True, slots=True)
class Case:
    """Facts and what should come of them. `rules` None = only the outputs are stated."""

    name: str
    facts: Mapping[str, Fact]
    rules: tuple[str, ...] | None
    outputs: Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The example cases of one table."""

    table: str
    cases: tuple[Case, ...]


def read_cases(folder: Path, table: Table, columns: Columns, mistakes: Mistakes) -> CaseFile:
    """The cases beside `table`; those with mistakes are noted and left out."""
    sheet = read_sheet(folder / f"{table.name}.cases.csv", mistakes)
    if sheet is None or not _header_ok(table, sheet, columns, mistakes):
        return CaseFile(table.name, ())
    found = [_read_case(table, line, columns, mistakes) for line in sheet.lines]
    return CaseFile(table.name, tuple(case for case in found if case is not None))


def run_cases(policy: TablePolicy, file: CaseFile, mistakes: Mistakes) -> frozenset[str]:
    """Ask every case; note those that come out otherwise. Returns the rules that fired."""
    hit: set[str] = set()
    for case in file.cases:
        fired = policy.evaluate(case.facts, (file.table,))
        hit.update(row.rule for row in fired)
        _compare(case, fired, mistakes)
    return frozenset(hit)


def _compare(case: Case, fired: tuple[FiredRow, ...], mistakes: Mistakes) -> None:
    got = tuple(row.rule for row in fired)
    if case.rules is not None and set(got) != set(case.rules):
        wanted, came = ", ".join(case.rules) or NONE, ", ".join(got) or NONE
        remedy = "mend the table, or the example if the table is right"
        mistakes.add(f"expected {wanted}, the table gives {came}", remedy, row=case.name, column="expect")
    for name, value in case.outputs.items():
        if fired and fired[0].outputs[name] != value:
            problem = f"expected {value}, row {got[0]} says {fired[0].outputs[name]}"
            mistakes.add(problem, "mend the table or the example", row=case.name, column=f"then:{name}")


def _header_ok(table: Table, sheet: Sheet, columns: Columns, mistakes: Mistakes) -> bool:
    before = len(mistakes.found)
    for needed in ("case", "expect"):
        if needed not in sheet.header:
            mistakes.add("is missing from the header", f"add a column called {needed}", column=needed)
    for part in sheet.header:
        side, _, word = part.partition(":")
        if side == "when" and word not in columns.facts:
            mistakes.add(
                "is no declared column", did_you_mean(word, columns.facts, "columns are"), column=part
            )
        elif side == "then" and not (table.first and word in columns.outputs[table.name]):
            remedy = (
                did_you_mean(word, columns.outputs[table.name], "outputs are")
                if table.first
                else "name the rules"
            )
            mistakes.add("is no output that a case can expect", remedy, column=part)
        elif side not in ("case", "expect", "when", "then"):
            mistakes.add(
                "is no column of a case", "name it case, expect, when:<column> or then:<output>", column=part
            )
    return len(mistakes.found) == before


def _read_case(table: Table, line: Line, columns: Columns, mistakes: Mistakes) -> Case | None:
    before = len(mistakes.found)
    name = line.cells["case"] or f"line {line.number}"
    facts, outputs = columns.usual(), dict[str, Fact]()
    for part, text in line.cells.items():
        side, _, word = part.partition(":")
        if not text or side not in ("when", "then"):
            continue
        try:
            if side == "when":
                facts[word] = read_value(columns.facts[word], text)
            else:
                outputs[word] = read_output(columns.outputs[table.name][word], text)
        except BadCell as bad:
            mistakes.add(bad.problem, bad.remedy, row=name, column=part, cell=text)
    rules = _expected(table, line.cells["expect"], name, mistakes)
    if rules is None and not outputs:
        mistakes.add("expects nothing", "name a rule in expect, or an output in then:<output>", row=name)
    return Case(name, facts, rules, outputs) if len(mistakes.found) == before else None


def _expected(table: Table, text: str, name: str, mistakes: Mistakes) -> tuple[str, ...] | None:
    if not text:
        return None
    if text == NONE and not table.first:
        return ()
    rules = tuple(part.strip() for part in text.split(","))
    for rule in rules:
        if rule not in table.ids:
            remedy = did_you_mean(rule, table.ids, "rows of the table")
            mistakes.add(f"expects {rule!r}, which is no rule", remedy, row=name, column="expect", cell=text)
    if table.first and len(rules) > 1:
        mistakes.add(
            "expects several rules of a first-hit table", "name one", row=name, column="expect", cell=text
        )
    return rules
