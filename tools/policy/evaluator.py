"""One loaded version of the tables, asked row by row; each distinct cell at most once a question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.errors import ConfigError
from domain.policy import Fact, Facts, FiredRow
from tools.policy.calendar import Calendar
from tools.policy.columns import OTHER, Columns
from tools.policy.holdout import DEFAULT
from tools.policy.tables import TABLES, Ask, Table


@dataclass(frozen=True, slots=True)
class _Step:
    """A row ready to be asked: positions of its cells among all distinct cells."""

    cells: tuple[int, ...]
    fired: FiredRow


@dataclass(frozen=True, slots=True)
class _Plan:
    """A table ready to be asked."""

    first: bool
    reads: frozenset[str]
    steps: tuple[_Step, ...]


class TablePolicy:
    """Satisfies `domain.ports.policy.Policy`. Immutable, and safe to share between tasks."""

    def __init__(
        self,
        version: str,
        tables: Sequence[Table],
        columns: Columns,
        calendar: Calendar,
        *,
        holdout: Mapping[str, int] | None = None,
    ) -> None:
        """`tables` in the order in which they are asked; `holdout` in per mille by region."""
        self.version = version
        self.tables = tuple(tables)
        self.columns = columns
        self.calendars = calendar
        self._holdout = holdout or {}
        self._cells: list[tuple[str, Ask]] = []
        places: dict[tuple[str, str], int] = {}
        self._plans = {table.name: self._plan(table, places) for table in tables}
        self._usual = [name for name in self._plans if not TABLES[name].apart]

    def _plan(self, table: Table, places: dict[tuple[str, str], int]) -> _Plan:
        for (column, expression), ask in table.asks.items():
            if (column, expression) not in places:
                places[column, expression] = len(self._cells)
                self._cells.append((column, ask))
        steps = tuple(
            _Step(tuple(places[cell.column, cell.expression] for cell in row.cells), row.fired)
            for row in table.rows
        )
        return _Plan(table.first, frozenset(table.columns), steps)

    def evaluate(self, facts: Facts, tables: Sequence[str] | None = None) -> tuple[FiredRow, ...]:
        """All rows that fire, in table order: at most one per first-hit table, the do-not-act table all hits.

        A table that this version does not have fires nothing. A code that its column does not list counts as
        ``other`` where the column has it, else as missing.
        Raises: ConfigError if `facts` lacks a column that the tables read, or has a value of another type.
        """
        known: list[bool | None] = [None] * len(self._cells)
        fired: list[FiredRow] = []
        for name in self._usual if tables is None else tables:
            if name not in self._plans and TABLES[name].apart:
                continue
            plan = self._plans[name]
            if not plan.reads <= facts.keys():
                missing = ", ".join(sorted(plan.reads - facts.keys()))
                raise ConfigError(
                    f"{name}.csv reads {missing}, of which this version of the code gives no facts"
                )
            for step in plan.steps:
                if self._fits(step.cells, facts, known):
                    fired.append(step.fired)
                    if plan.first:
                        break
        return tuple(fired)

    def codes(self, output: str) -> frozenset[str]:
        """Codes that routing may give for `output`."""
        spec = self.columns.outputs.get("routing", {}).get(output)
        return frozenset(spec.codes) if spec is not None and spec.type == "code" else frozenset()

    def holdout(self, region: str) -> int:
        """Per mille of the accounts of `region` that stay on the baseline."""
        return self._holdout.get(region, self._holdout.get(DEFAULT, 0))

    def calendar(self, at: int, region: str) -> tuple[bool, bool, int | None]:
        """(freeze or holiday?, quiet hours?, the next open Instant if either) at `at` for `region`."""
        return self.calendars.state(at, region)

    def zone(self, region: str) -> str:
        """The time zone of the calendar of `region`."""
        return self.calendars.zone(region)

    def _fits(self, cells: tuple[int, ...], facts: Mapping[str, Fact], known: list[bool | None]) -> bool:
        for place in cells:
            answer = known[place]
            if answer is None:
                answer = known[place] = self._answer(place, facts)
            if not answer:
                return False
        return True

    def _answer(self, place: int, facts: Mapping[str, Fact]) -> bool:
        column, ask = self._cells[place]
        value = facts[column]
        codes = self.columns.codes.get(column)
        if codes is not None and value is not None and value not in codes:
            value = OTHER if OTHER in codes else None
        try:
            return ask({"v": value}) is True
        except RuntimeError:
            kind = self.columns.facts[column].type
            raise ConfigError(
                f"the fact {column} is a {type(value).__name__}, its column is a {kind}"
            ) from None
