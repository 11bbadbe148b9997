"""A CSV file as a target: one line per step, appended and synced; an undo is another line.

The file is made to be opened in a spreadsheet, so no cell can be read as a formula.
"""

import asyncio
import csv
import fcntl
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from domain.effect import Delivery, Step, StepKind, StepReceipt
from domain.errors import ConfigError, OutcomeUnknown, Refused, Temporary
from domain.instants import Instant, iso
from domain.ports.clock import Clock
from domain.ports.target import Change, Seen, Subject
from tools.journal import sync

PARAMS: Final = (
    "band", "engagement", "fit", "intent", "next_step", "owner", "points", "priority", "programme", "queue", "ref",
    "team",
)  # fmt: skip
"""Parameters with a column of their own; the rest stands in `more`, as JSON."""
COLUMNS: Final = ("at", "key", "tenant", "lead_id", "step", *PARAMS, "more")
MAX_CELL: Final = 4_000
"""Characters of a cell; a longer text is cut."""
MAX_KEY: Final = 300
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the start of a formula; some also take the wide forms."""


class CsvFile:
    """Satisfies `domain.ports.target.Target`. Several processes may append to one file."""

    def __init__(self, path: Path, clock: Clock, *, name: str = "file") -> None:
        """Make the file with its head if it is missing. Raises: ConfigError if another kind of file is there."""
        self.name, self.delivery, self.takes = name, Delivery.READ_BACK, frozenset(StepKind)
        self._path, self._clock, self._lock = path, clock, Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._held(fcntl.LOCK_EX) as handle:
                _heal(handle)
                if os.fstat(handle).st_size == 0:
                    _append(handle, _line(COLUMNS))
                    sync(path.parent)  # a new file's name is on disk only when its folder is
                elif not os.pread(handle, 4096, 0).startswith(_line(COLUMNS)):
                    raise ConfigError(f"{path}: not a file of steps; name one that does not exist yet")
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error

    async def look(self, subject: Subject) -> Seen:  # noqa: ARG002 - as the port has it
        """Nothing: a file knows no records."""
        return Seen()

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Append one line; the receipt names its key."""
        _check(key)
        line = _line(self._cells(step, subject, key, self._clock.now()))
        await asyncio.to_thread(self._write, line)
        return StepReceipt(key, _before(step.kind, step.params))

    async def find(self, key: str) -> StepReceipt | None:
        """The receipt of the line under `key`; a line that was cut short does not count."""
        _check(key)
        return await asyncio.to_thread(self._scan, key)

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        """The lines that would be appended, without time and key."""
        return [
            Change(step.kind, "line", "", _line(self._cells(step, subject, "", None)).decode().rstrip("\n"))
            for step in steps
        ]

    def _cells(self, step: Step, subject: Subject, key: str, at: Instant | None) -> list[str]:
        params = dict(step.params)
        own = [params.pop(name, "") for name in PARAMS]
        more = json.dumps(params, sort_keys=True, ensure_ascii=False) if params else ""
        return [
            iso(at) if at is not None else "",
            key,
            subject.tenant,
            subject.lead_id,
            step.kind.value,
            *own,
            more,
        ]

    def _write(self, line: bytes) -> None:
        try:
            with self._held(fcntl.LOCK_EX) as handle:
                _heal(handle)
                _append(handle, line)
        except OSError as error:
            raise Temporary(f"{self._path}: cannot be written ({error.strerror})") from error

    def _scan(self, key: str) -> StepReceipt | None:
        try:
            with self._held(fcntl.LOCK_SH) as handle, os.fdopen(os.dup(handle), "rb") as file:
                file.seek(0)
                for line in file:
                    row = _row(line)
                    if row is not None and row["key"] == cell(key):
                        kind = StepKind(row["step"])
                        return StepReceipt(key, _before(kind, {"programme": row["programme"]}))
        except OSError as error:
            raise Temporary(f"{self._path}: cannot be read ({error.strerror})") from error
        return None

    @contextmanager
    def _held(self, how: int) -> Iterator[int]:
        """The open file under a lock that other processes respect."""
        with self._lock:
            handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
            try:
                fcntl.flock(handle, how)
                yield handle
            finally:
                os.close(handle)


def cell(text: str) -> str:
    """`text` as a spreadsheet may hold it: one line, no control characters, and never a formula.

    >>> cell("=1+1"), cell("two\\nlines")
    ("'=1+1", 'two lines')
    """
    one_line = " ".join(text.splitlines())
    plain = "".join(sign if sign.isprintable() else " " * sign.isspace() for sign in one_line)[:MAX_CELL]
    # Both are asked: a sign that is removed may have stood before a formula, or have been one.
    formula = text.startswith(_FORMULA) or plain.lstrip().startswith(_FORMULA)
    return "'" + plain if formula else plain


def _check(key: str) -> None:
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable() and key[0].isalnum()):
        raise Refused(
            f"the key of a line is 1 to {MAX_KEY} signs of ASCII, the first a letter or digit", "invalid"
        )


def _before(kind: StepKind, params: Mapping[str, str]) -> dict[str, str]:
    """What the undo needs. A file does not know what was there, but knows which programmes a step names."""
    named = kind is StepKind.LEAVE and params.get("programme") != "all"
    return {"programmes": params.get("programme", "")} if named else {}


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([cell(one) for one in cells])
    return text.getvalue().encode("utf-8", errors="replace")


def _row(line: bytes) -> dict[str, str] | None:
    """A whole line as a row; None for the head, and for a line that is torn or not ours."""
    if not line.endswith(b"\n"):
        return None
    cells = next(csv.reader([line.decode("utf-8", errors="replace")]), [])
    known = len(cells) == len(COLUMNS) and cells[COLUMNS.index("step")] in StepKind.__members__.values()
    return dict(zip(COLUMNS, cells, strict=True)) if known else None


def _heal(handle: int) -> None:
    """Cut off a last line that a crash left without its end: it was never acknowledged."""
    size = os.fstat(handle).st_size
    end = size
    while end and os.pread(handle, 1, end - 1) != b"\n":
        block = os.pread(handle, min(end, 4096), max(0, end - 4096))
        end = max(0, end - 4096) + block.rfind(b"\n") + 1
    if end < size:
        os.ftruncate(handle, end)
        os.fsync(handle)


def _append(handle: int, line: bytes) -> None:
    """Write the line and return when it is on disk. Raises: OSError if it is not there; OutcomeUnknown."""
    size = os.fstat(handle).st_size
    try:
        if os.write(handle, line) != len(line):
            raise OSError(0, "only a part was written")
    except OSError:
        os.ftruncate(handle, size)
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        raise OutcomeUnknown(f"the line may not be on disk ({error.strerror})") from error
