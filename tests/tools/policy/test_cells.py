"""Cells in plain words mean what they say, and the engine reads them the same way."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy import Fact
from tools.policy.cells import Accepts, BadCell, compiled, everything, read_cell, read_value
from tools.policy.columns import Column

BAND = Column(type="code", words="", codes=("hot", "warm", "cold"))
POINTS = Column(type="number", words="")
QUIET = Column(type="flag", words="", usual=False)


@pytest.mark.parametrize(
    ("column", "text", "yes", "no"),
    [
        (BAND, "hot", ["hot"], ["warm", "cold", None]),
        (BAND, "Hot , WARM", ["hot", "warm"], ["cold", None]),
        (BAND, "not hot", ["warm", "cold", None], ["hot"]),
        (BAND, "not hot, is empty", ["warm", "cold"], ["hot", None]),
        (BAND, "is empty", [None], ["hot"]),
        (BAND, "is known", ["hot", "warm", "cold"], [None]),
        (BAND, "hot, is empty", ["hot", None], ["cold"]),
        (POINTS, ">= 70", [70, 71], [69, None]),
        (POINTS, "> 70", [71], [70, None]),
        (POINTS, "<70", [69, -3], [70, None]),
        (POINTS, "<= 70", [70, 0], [71, None]),
        (POINTS, "7", [7], [6, 8, None]),
        (POINTS, "60..80", [60, 70, 80], [59, 81, None]),
        (POINTS, "60..80, > 100", [60, 80, 101], [81, 100, None]),
        (POINTS, "is empty, < 24", [None, 23, 0], [24]),
        (POINTS, "not 60..80", [59, 81, None], [60, 80]),
        (POINTS, "not is empty", [0, 99], [None]),
        (POINTS, "-5..-1", [-5, -1], [-6, 0, None]),
        (QUIET, "yes", [True], [False]),
        (QUIET, "no", [False], [True]),
    ],
)
def test_cell_lets_through_what_it_says(column: Column, text: str, yes: list[Fact], no: list[Fact]) -> None:
    """Both as parsed and as evaluated by the engine."""
    cell = read_cell("x", column, text)
    assert cell is not None
    ask = compiled(cell, column)
    assert [ask({"v": value}) for value in yes] == [True] * len(yes)
    assert [ask({"v": value}) for value in no] == [False] * len(no)
    assert all(value in cell.accepts for value in yes)
    assert not any(value in cell.accepts for value in no)


def test_empty_cell_means_any() -> None:
    """No condition at all."""
    assert read_cell("x", BAND, "  ") is None


numbers = st.integers(-50, 50)
number_alternatives = st.one_of(
    st.builds("{} {}".format, st.sampled_from([">=", "<=", ">", "<", "="]), numbers),
    st.tuples(numbers, numbers).map(lambda two: f"{min(two)}..{max(two)}"),
    numbers.map(str),
    st.just("is empty"),
)
number_cells = st.builds(
    lambda turned, parts: ("not " if turned else "") + ", ".join(parts),
    st.booleans(),
    st.lists(number_alternatives, min_size=1, max_size=4),
)


def plainly(text: str, value: int | None) -> bool:
    """What a person reads in a cell of numbers, worked out the slow way."""
    turned = text.startswith("not ")
    found = False
    for part in text.removeprefix("not ").split(", "):
        if part == "is empty":
            found |= value is None
        elif value is not None and ".." in part:
            low, high = part.split("..")
            found |= int(low) <= value <= int(high)
        elif value is not None:
            sign, number = re.fullmatch(r"(>=|<=|>|<|=)? ?(-?\d+)", part).groups()  # type: ignore[union-attr]  # always matches
            bound = int(number)
            compared = {">=": value >= bound, "<=": value <= bound, ">": value > bound, "<": value < bound}
            found |= compared.get(sign or "=", value == bound)
    return found is not turned


@given(text=number_cells, value=st.none() | st.integers(-55, 55))
def test_engine_reads_any_number_cell_as_a_person_does(text: str, value: int | None) -> None:
    """Any mixture of bounds, ranges, emptiness and not."""
    everywhere = {plainly(text, one) for one in (None, *range(-60, 61))}
    if len(everywhere) == 1:
        with pytest.raises(BadCell, match=r"never match|everything"):
            read_cell("x", POINTS, text)
        return
    cell = read_cell("x", POINTS, text)
    assert cell is not None
    assert compiled(cell, POINTS)({"v": value}) is plainly(text, value)


@given(one=number_cells, other=number_cells)
def test_a_cell_covers_another_only_if_it_takes_all_its_values(one: str, other: str) -> None:
    """What the search for unreachable rows rests on."""
    try:
        first, second = read_cell("x", POINTS, one), read_cell("x", POINTS, other)
    except BadCell:
        return
    assert first is not None
    assert second is not None
    values: tuple[int | None, ...] = (None, *range(-60, 61))
    slow = all(value in first.accepts for value in values if value in second.accepts)
    assert first.accepts.covers(second.accepts) is slow
    assert everything(POINTS).covers(first.accepts)
    assert first.accepts.covers(Accepts())


def test_engine_that_reads_a_cell_differently_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong translation is refused at load; it never decides anything."""
    monkeypatch.setattr("tools.policy.cells._number_test", lambda span: f"v > {span[0]}")
    cell = read_cell("x", POINTS, ">= 70")
    assert cell is not None
    with pytest.raises(BadCell, match="reads it differently"):
        compiled(cell, POINTS)


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [(BAND, "Hot", "hot"), (POINTS, "7", 7), (QUIET, "no", False), (BAND, "is empty", None)],
)
def test_example_states_one_value(column: Column, text: str, value: Fact) -> None:
    """A code, a number, yes, no, or nothing."""
    assert read_value(column, text) == value


@pytest.mark.parametrize(
    ("column", "text"), [(POINTS, ">= 7"), (POINTS, "1..2"), (QUIET, "is empty"), (BAND, "is known")]
)
def test_example_cannot_state_many_values(column: Column, text: str) -> None:
    """A case is about one lead."""
    with pytest.raises(BadCell):
        read_value(column, text)
