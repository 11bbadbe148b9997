"""What is wrong with a policy folder: each problem names place and remedy, and all are found in one go."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from domain.errors import ConfigError

SHOWN = 25
"""Problems named in one error; `policy check` shows all of them."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. `row` is a rule id, or ``line 7``; `cell` the text as it stands in the file."""

    file: str
    row: str
    column: str
    cell: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        """One line for people."""
        place = [
            self.file,
            f"row {self.row}" if self.row else "",
            f"column {self.column}" if self.column else "",
        ]
        shown = f" {self.cell!r}" if self.cell else ""
        return f"{', '.join(part for part in place if part)}:{shown} {self.problem}; {self.remedy}"


class Mistakes:
    """Gathers problems of one file."""

    def __init__(self, file: str) -> None:
        """`file` is the name shown."""
        self.file = file
        self.found: list[Problem] = []

    def add(self, problem: str, remedy: str, *, row: str = "", column: str = "", cell: str = "") -> None:
        """Note one problem."""
        self.found.append(Problem(self.file, row, column, cell[:80], problem, remedy))


def raise_if_any(problems: Iterable[Problem], what: str) -> None:
    """Raises: ConfigError with one line per problem, if there is one."""
    found = list(problems)
    if not found:
        return
    more = f"\n(and {len(found) - SHOWN} more)" if len(found) > SHOWN else ""
    lines = "\n".join(str(problem) for problem in found[:SHOWN])
    raise ConfigError(f"{what} has {len(found)} problem{'s' if len(found) > 1 else ''}:\n{lines}{more}")


def did_you_mean(word: str, known: Iterable[str], what: str) -> str:
    """A remedy for a misspelt word: the nearest known one, and what is allowed."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    listed = ", ".join(names[:40]) + (", ..." if len(names) > 40 else "")
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}{what}: {listed}" if names else f"{hint}{what}: none"
