"""A CSV file as a target: found again, safe in a spreadsheet, whole after a crash."""

import asyncio
import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.effect import Delivery, Step, StepKind, undo_of
from domain.errors import ConfigError, OutcomeUnknown, Refused, Temporary
from tests.tools.crm.worlds import LEAD, SCORE, SUBJECT, TASK, TENANT, FixedClock
from tools.crm.files import CsvFile, cell


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the lines go."""
    return tmp_path / "out" / "steps.csv"


def held(file: Path) -> bytes:
    """All of it."""
    return file.read_bytes()


def put(file: Path, content: bytes) -> None:
    """What a crash left."""
    file.write_bytes(content)


def rows(file: Path) -> list[dict[str, str]]:
    """The file as a spreadsheet reads it."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


async def test_every_kind_of_step_is_a_line_and_is_found_by_its_key(file: Path) -> None:
    target = CsvFile(file, FixedClock())
    assert target.delivery is Delivery.READ_BACK
    for kind in StepKind:
        params = {"programme": "nurture", "ref": "x-1", "was.points": "3"}
        receipt = await target.send(Step(kind, params), SUBJECT, key=f"k/{kind.value}")
        assert await target.find(f"k/{kind.value}") == receipt
    assert [row["step"] for row in rows(file)] == [kind.value for kind in StepKind]
    assert {(row["tenant"], row["lead_id"], row["at"]) for row in rows(file)} == {
        (TENANT, LEAD, "2023-11-14T22:13:20.000Z")
    }
    assert rows(file)[0]["more"] == '{"was.points": "3"}'
    assert await target.find("k") is None


async def test_an_undo_is_another_line(file: Path) -> None:
    target = CsvFile(file, FixedClock())
    for step in (TASK, Step(StepKind.LEAVE, {"programme": "nurture"})):
        back = undo_of(step, await target.send(step, SUBJECT, key=f"k/{step.kind.value}"))
        assert back is not None
        await target.send(back, SUBJECT, key=f"u/{step.kind.value}")
    written = [(row["step"], row["ref"], row["programme"]) for row in rows(file)]
    assert written[1] == ("close_task", "k/create_task", "")
    assert written[3] == ("enrol", "", "nurture")


@given(st.text(max_size=40))
def test_no_cell_is_a_formula_and_none_has_two_lines(text: str) -> None:
    safe = cell(text)
    assert not safe.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))
    assert all(sign.isprintable() for sign in safe)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"), ("+49", "'+49"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"), ("\r=1", "' =1"), ("\x00=1", "'=1"), (" =1", "' =1"), ("a\r\nb\nc", "a b c"),
        ("a\x07\u202eb", "ab"), ("plain", "plain"), ("", ""), ("1-2", "1-2"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_text(text: str, safe: str) -> None:
    assert cell(text) == safe


async def test_a_hostile_value_stays_in_its_cell(file: Path) -> None:
    target = CsvFile(file, FixedClock())
    evil = {"next_step": '=HYPERLINK("http://x","y")\nk9,,,,', "intent": '","x', "other": "=1"}
    await target.send(Step(StepKind.NOTIFY, evil), SUBJECT, key="k1")
    (row,) = rows(file)
    assert row["next_step"] == '\'=HYPERLINK("http://x","y") k9,,,,'
    assert row["intent"] == '","x'
    assert await target.find("k9") is None
    for key in ("", "=1", "-k", "'=1", "a\nb", "ü", "k" * 301):
        with pytest.raises(Refused):
            await target.send(TASK, SUBJECT, key=key)


async def test_a_line_torn_at_any_byte_does_not_count_and_is_healed(file: Path) -> None:
    target = CsvFile(file, FixedClock())
    await target.send(SCORE, SUBJECT, key="k1")
    whole = held(file)
    await target.send(TASK, SUBJECT, key="k2")
    last = held(file)[len(whole) :]
    for length in range(1, len(last)):
        put(file, whole + last[:length])
        assert await target.find("k2") is None
        assert await target.find("k1") is not None
        await CsvFile(file, FixedClock()).send(TASK, SUBJECT, key="k2")
        assert held(file) == whole + last


async def test_a_torn_line_longer_than_a_block_is_healed(file: Path) -> None:
    target = CsvFile(file, FixedClock())
    await target.send(SCORE, SUBJECT, key="k1")
    whole = held(file)
    put(file, whole + b"x" * 10_000)
    await target.send(TASK, SUBJECT, key="k2")
    assert held(file).startswith(whole)
    assert [row["key"] for row in rows(file)] == ["k1", "k2"]


async def test_a_head_torn_by_a_crash_is_written_again(file: Path) -> None:
    CsvFile(file, FixedClock())
    head = held(file)
    put(file, head[:20])
    CsvFile(file, FixedClock())
    assert held(file) == head


async def test_a_write_that_fails_leaves_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = CsvFile(file, FixedClock())
    before, write = held(file), os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:10]))
    with pytest.raises(Temporary):
        await target.send(TASK, SUBJECT, key="k1")
    assert held(file) == before


async def test_a_line_that_may_not_be_on_disk_is_unknown(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = CsvFile(file, FixedClock())

    def fail(_: int) -> None:
        raise OSError(5, "I/O error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutcomeUnknown):
        await target.send(TASK, SUBJECT, key="k1")
    assert await target.find("k1") is not None


async def test_every_line_is_synced_before_it_is_confirmed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, synced, sync = CsvFile(file, FixedClock()), list[bytes](), os.fsync

    def noting(handle: int) -> None:
        sync(handle)
        synced.append(held(file))

    monkeypatch.setattr(os, "fsync", noting)
    await target.send(TASK, SUBJECT, key="k1")
    assert synced[-1:] == [held(file)]


async def test_fifty_at_once_are_fifty_whole_lines(file: Path) -> None:
    """Through two openings, as of two processes."""
    both = [CsvFile(file, FixedClock()), CsvFile(file, FixedClock())] * 25
    await asyncio.gather(*(target.send(TASK, SUBJECT, key=f"k{n}") for n, target in enumerate(both)))
    assert sorted(row["key"] for row in rows(file)) == sorted(f"k{n}" for n in range(50))


async def test_a_preview_is_the_line_and_writes_nothing(file: Path) -> None:
    target = CsvFile(file, FixedClock())
    before = held(file)
    (change,) = await target.preview([TASK], SUBJECT)
    assert held(file) == before
    await target.send(TASK, SUBJECT, key="k1")
    assert held(file).decode().splitlines()[-1].endswith(change.after.removeprefix(","))
    assert not (await target.look(SUBJECT)).exists


def test_a_file_of_another_kind_is_left_alone(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("name,age\nx,1\n", "utf-8")
    with pytest.raises(ConfigError):
        CsvFile(file, FixedClock())
    assert file.read_text("utf-8") == "name,age\nx,1\n"
