"""Files are read whatever their line endings and packing; what is wrong is said with its place."""

import gzip
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from domain.errors import BadInput
from domain.ports.sources import Bad
from tools.reading import KEPT, MAX_LINE, count_lines, lines_of, rows_of, whole


def written(folder: Path, content: bytes, name: str = "file.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def partly(items: Iterator[Any]) -> tuple[list[Any], BadInput]:
    """What was given before the error, and the error."""
    found: list[Any] = []
    failed: BadInput | None = None
    try:
        for item in items:
            found += [item]
    except BadInput as error:
        failed = error
    assert failed is not None
    return found, failed


@pytest.mark.parametrize(
    "content",
    [b"one\ntwo\n", b"one\r\ntwo\r\n", b"one\ntwo", b"\xef\xbb\xbfone\ntwo\n", b"one\n\n\ntwo\n"],
    ids=["unix", "windows", "no last ending", "byte order mark", "blank lines"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_lines_are_the_same_in_every_packing(tmp_path: Path, content: bytes, packed: bool) -> None:
    path = written(tmp_path, gzip.compress(content) if packed else content)
    assert [line for _, line in lines_of(path, "s")] == [b"one", b"two"]
    assert whole(path).split() == [b"one", b"two"]


def test_line_numbers_are_those_an_editor_shows(tmp_path: Path) -> None:
    path = written(tmp_path, b"one\n\n  \ntwo\n")
    assert list(lines_of(path, "s")) == [(1, b"one"), (4, b"two")]
    assert count_lines(path) == 4


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)
    for read in (lambda: list(lines_of(path, "s")), lambda: list(rows_of(path, "s", ()))):
        with pytest.raises(BadInput) as caught:
            read()
        assert (caught.value.code, str(path) in str(caught.value)) == ("empty_file", True)


def test_a_broken_gzip_says_after_which_line(tmp_path: Path) -> None:
    content = gzip.compress(b"".join(b"line %d %d\n" % (n, n * n) for n in range(50_000)))
    path = written(tmp_path, content[: len(content) // 2])
    found, error = partly(lines_of(path, "s"))
    assert error.code == "broken_gzip"
    assert len(found) > 1_000
    assert f"after line {len(found):,}" in str(error)
    with pytest.raises(BadInput, match=f"broken gzip file after line {len(found):,}"):
        count_lines(path)
    with pytest.raises(BadInput, match="broken gzip"):
        whole(path)


def test_flipped_bytes_in_a_gzip_are_found(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(b"line\n" * 1_000))
    content[-5] ^= 0xFF
    _, error = partly(lines_of(written(tmp_path, bytes(content)), "s"))
    assert error.code == "broken_gzip"


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "nowhere", "no_file"), (tmp_path, "not_a_file")):
        for read in (count_lines, whole, lambda p: list(lines_of(p, "s"))):
            with pytest.raises(BadInput) as caught:
                read(path)
            assert (caught.value.code, caught.value.field) == (code, str(path))


def test_a_line_that_never_ends_is_passed_over_within_bounds(tmp_path: Path) -> None:
    path = written(tmp_path, b"one\n" + b"x" * (3 * MAX_LINE) + b"\ntwo\n")
    found = list(lines_of(path, "s"))
    assert [number for number, _ in found] == [1, 2, 3]
    bad = found[1][1]
    assert isinstance(bad, Bad)
    assert (bad.code, len(bad.raw)) == ("too_large", KEPT)


# --------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rows_come_by_column_name_without_empty_cells(tmp_path: Path, delimiter: str) -> None:
    text = "a,b,c\r\n1,,3\r\n4,5,\r\n".replace(",", delimiter)
    assert list(rows_of(written(tmp_path, text.encode()), "s", ("a",))) == [
        (2, {"a": "1", "c": "3"}), (3, {"a": "4", "b": "5"}),
    ]  # fmt: skip


def test_quotation_marks_may_hold_delimiters_and_line_breaks(tmp_path: Path) -> None:
    path = written(tmp_path, b'a,b\n"1,5","x\ny"\n2,z\n')
    rows = [row for _, row in rows_of(path, "s", ())]
    assert rows == [{"a": "1,5", "b": "x\ny"}, {"a": "2", "b": "z"}]


def test_missing_columns_are_named_with_what_was_found(tmp_path: Path) -> None:
    _, error = partly(rows_of(written(tmp_path, b"id,name\n1,x\n"), "s", ("id", "kind", "source")))
    assert error.code == "missing_columns"
    assert "line 1" in error.field
    assert "kind, source" in error.problem
    assert "id, name" in error.remedy


def test_a_column_given_twice_is_an_error(tmp_path: Path) -> None:
    _, error = partly(rows_of(written(tmp_path, b"id,a,a\n1,2,3\n"), "s", ("id",)))
    assert (error.code, "a appear twice" in error.problem) == ("duplicate_columns", True)


def test_a_bad_row_is_put_aside_with_its_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1,2\n1,2,3\n1\n3,4\n")
    rows = dict(rows_of(path, "s", ()))
    assert [number for number, row in rows.items() if isinstance(row, Bad)] == [3, 4]
    assert rows[5] == {"a": "3", "b": "4"}
    bad = rows[3]
    assert isinstance(bad, Bad)
    assert (bad.raw, bad.code, "3 cells where the header has 2" in bad.problem) == (b"1,2,3", "bad_row", True)


def test_an_unclosed_quotation_mark_costs_a_bounded_part_of_the_file(tmp_path: Path) -> None:
    lines = b"".join(b"%d,x\n" % n for n in range(200_000))
    rows = [row for _, row in rows_of(written(tmp_path, b'a,b\n0,"x\n' + lines), "s", ())]
    assert sum(isinstance(row, Bad) for row in rows) >= 1
    assert sum(isinstance(row, dict) for row in rows) > 150_000


def test_an_endless_line_in_a_table_is_put_aside(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1,2\n" + b"x" * (2 * MAX_LINE) + b"\n3,4\n")
    found = list(rows_of(path, "s", ()))
    assert sorted(number for number, row in found if isinstance(row, Bad)) == [3]
    assert [row for _, row in found if isinstance(row, dict)] == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_bytes_that_are_not_utf_8_reach_the_door_as_what_it_refuses(tmp_path: Path) -> None:
    ((_, row),) = rows_of(written(tmp_path, b"a\nJ\xfcrgen\n"), "s", ())
    assert row == {"a": "J\udcfcrgen"}


def test_reading_may_stop_anywhere(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n" + b"1\n" * 100)
    assert len(list(islice(rows_of(path, "s", ()), 3))) == 3
