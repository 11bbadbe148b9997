"""Decision tables."""

from collections.abc import Sequence
from typing import Protocol

from domain.policy import Facts, FiredRow


class Policy(Protocol):
    """One version of the decision tables."""

    version: str
    """Content hash."""

    def evaluate(self, facts: Facts, tables: Sequence[str] | None = None) -> tuple[FiredRow, ...]:
        """All rows that fire, in table order: at most one per first-hit table, the do-not-act table all hits.

        `tables` limits the question to these tables (all but ``model`` when None): approval and timing ask about
        facts that are only known once routing has answered, ``model`` about others altogether. A version without
        the table ``model`` fires nothing for it.

        Raises: ConfigError if `facts` lacks a column that the tables read.
        """
        ...

    def codes(self, output: str) -> frozenset[str]:
        """Codes that routing may give for `output` (queue, priority, ...); empty where it is no code."""
        ...

    def holdout(self, region: str) -> int:
        """Per mille of the accounts of a region that stay on the baseline while a model package is at work."""
        ...

    def calendar(self, at: int, region: str) -> tuple[bool, bool, int | None]:
        """(freeze or holiday?, quiet hours?, Instant at which it ends) at `at` for `region`."""
        ...

    def zone(self, region: str) -> str:
        """The time zone of the calendar of `region`, such as ``Europe/Berlin``."""
        ...
