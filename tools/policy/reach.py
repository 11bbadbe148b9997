"""Checks over a whole table: ids are unique, every row can fire, and every lead finds a row."""

from tools.policy.cells import Accepts, everything
from tools.policy.columns import Columns
from tools.policy.problems import Mistakes
from tools.policy.tables import Row, Table


def check_rows(table: Table, columns: Columns, mistakes: Mistakes) -> None:
    """Note what is wrong with the rows of `table` together."""
    _check_ids(table, mistakes)
    if table.first:
        _check_catch_all(table, mistakes)
        _check_reach(table, columns, mistakes)
    else:
        _check_doubles(table, mistakes)


def _check_ids(table: Table, mistakes: Mistakes) -> None:
    seen: dict[str, int] = {}
    for row in table.rows:
        if row.rule in seen:
            problem = f"stands twice (lines {seen[row.rule]} and {row.line})"
            mistakes.add(
                problem, "give each row an id of its own", row=row.rule, column="rule", cell=row.rule
            )
        seen.setdefault(row.rule, row.line)


def _check_catch_all(table: Table, mistakes: Mistakes) -> None:
    last = next((row for row in table.rows if row.line == table.last_line), None)
    if last is not None and last.cells:
        remedy = "end the table with a row whose when: cells are all empty"
        mistakes.add("is the last row and does not fit every lead", remedy, row=last.rule)


def _check_reach(table: Table, columns: Columns, mistakes: Mistakes) -> None:
    for at, row in enumerate(table.rows):
        above = next((one for one in table.rows[:at] if _covers(one, row, columns)), None)
        if above is not None:
            problem = f"can never fire: row {above.rule} above it takes all its cases"
            mistakes.add(problem, "move it up, narrow the row above, or delete it", row=row.rule)


def _covers(above: Row, below: Row, columns: Columns) -> bool:
    """True if whatever fits `below` also fits `above`."""
    narrowed = {cell.column: cell.accepts for cell in below.cells}
    return all(
        cell.accepts.covers(narrowed.get(cell.column) or everything(columns.facts[cell.column]))
        for cell in above.cells
    )


def _check_doubles(table: Table, mistakes: Mistakes) -> None:
    seen: dict[frozenset[tuple[str, Accepts]], str] = {}
    for row in table.rows:
        conditions = frozenset((cell.column, cell.accepts) for cell in row.cells)
        if conditions in seen:
            problem = f"has the same conditions as row {seen[conditions]}"
            mistakes.add(problem, "merge the two rows, or make their conditions differ", row=row.rule)
        seen.setdefault(conditions, row.rule)
