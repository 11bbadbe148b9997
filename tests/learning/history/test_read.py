"""Files as people export them: what can be read is read exactly, and what cannot is named by its line."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from domain.errors import BadInput
from learning.history.read import Table, read_table
from learning.history.values import flag_of, number_of, time_of


def read(folder: Path, body: bytes, name: str = "a.csv", **more: Any) -> Table:
    file = folder / name
    file.write_bytes(body)
    return read_table(file, **more)


def test_cells_are_texts_and_an_empty_one_is_null(tmp_path: Path) -> None:
    table = read(tmp_path, b'a,b,\n007,"x, ""y""",\n,2,\n')
    assert table.frame.to_dict(as_series=False) == {"a": ["007", None], "b": ['x, "y"', "2"]}
    assert list(table.numbers) == [2, 3]


def test_a_row_that_breaks_the_form_is_set_aside_with_its_line(tmp_path: Path) -> None:
    table = read(tmp_path, b'a,b\n1,2\n1,2,3\n1\n"x"y,2\n\n3,4\n')
    assert table.frame["a"].to_list() == ["1", "3"]
    assert [(bad.number, bad.problem.split(" (")[0]) for bad in table.bad] == [
        (3, "has 3 cells where the header has 2"),
        (4, "has 1 cells where the header has 2"),
        (5, "is not a CSV row"),
    ]


def test_a_quotation_mark_that_is_never_closed_swallows_no_row_in_silence(tmp_path: Path) -> None:
    table = read(tmp_path, b'a,b\n1,2\n"x,2\n3,4\n')
    assert (table.frame.height, len(table.bad)) == (1, 1)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"a,a\n1,2\n", "columns a appear twice"),
        (b"a,\n1,2\n", "column 2 has values and no name"),
        (b"a,b\n", "has no rows"),
        (b" \n", "is empty"),
        (b"a\n\xff\n", "line 2: is not utf-8 text; say which `encoding`"),
        (gzip.compress(b"a\n" + b"1\n" * 99, mtime=0)[:-12], "is a broken gzip file"),
        (b"PAR1 and nothing more", "is not a readable Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_refused(tmp_path: Path, body: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read(tmp_path, body)


def test_the_first_encoding_in_which_all_is_text_is_taken_and_said(tmp_path: Path) -> None:
    table = read(tmp_path, "a\nGrün\n".encode("cp1252"), encodings=("utf-8", "cp1252"))
    assert (table.frame["a"].to_list(), table.encoding) == (["Grün"], "cp1252")


def test_json_lines_are_flattened_and_a_bad_line_is_set_aside(tmp_path: Path) -> None:
    body = b'{"a": 1, "b": {"c": true}}\n{"a": 1, "a": 2}\nno\n{"d": [1]}\n'
    table = read(tmp_path, body, "a.jsonl")
    assert table.frame.to_dicts() == [
        {"a": "1", "b.c": "true", "d": None},
        {"a": None, "b.c": None, "d": "[1]"},
    ]
    assert [bad.number for bad in table.bad] == [2, 3]


def test_parquet_gives_the_texts_that_the_same_csv_would(tmp_path: Path) -> None:
    when = datetime(2024, 1, 1, 12, tzinfo=UTC)
    pl.DataFrame({"n": [1, None], "x": [1.5, 2.0], "b": [True, False], "t": [when, None]}).write_parquet(
        tmp_path / "a.parquet"
    )
    assert read_table(tmp_path / "a.parquet").frame.to_dict(as_series=False) == {
        "n": ["1", None], "x": ["1.5", "2.0"], "b": ["true", "false"], "t": ["2024-01-01T12:00:00+00:00", None],
    }  # fmt: skip
    pl.DataFrame({"n": [[1]]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(BadInput, match="write one value per cell"):
        read_table(tmp_path / "b.parquet")


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("12", ".", 12),
        ("1,234.5", ".", 1234.5),
        ("1.234,5", ",", 1234.5),
        ("-0.25", ".", -0.25),
        ("1e3", ".", 1000),
    ],
)
def test_numbers_are_read_with_their_marks(text: str, decimal: str, value: float) -> None:
    assert number_of(text, decimal=decimal) == value


@pytest.mark.parametrize("text", ["", "x", "1,5", "12,34,567", "nan", "Infinity", "1_000", "1e999999"])
def test_what_is_not_surely_a_number_is_none(text: str) -> None:
    """With the decimal mark '.', 1,5 may be one and a half or fifteen: nobody guesses."""
    with pytest.raises(ValueError, match="is not a"):
        number_of(text)


def test_times_need_a_zone_from_somewhere() -> None:
    assert time_of("2024-07-01 12:00", ("iso",), "Europe/Berlin") == datetime(2024, 7, 1, 10, tzinfo=UTC)
    assert time_of("1720000000", ("unix_s",), None) == datetime(2024, 7, 3, 9, 46, 40, tzinfo=UTC)
    assert time_of("3.7.2024", ("iso", "%d.%m.%Y"), "UTC") == datetime(2024, 7, 3, tzinfo=UTC)
    with pytest.raises(ValueError, match="names no zone"):
        time_of("2024-07-01 12:00", ("iso",), None)


def test_flags_are_read_in_the_usual_words() -> None:
    assert (flag_of("Yes"), flag_of("0")) == (True, False)
    with pytest.raises(ValueError, match="neither yes nor no"):
        flag_of("perhaps")
