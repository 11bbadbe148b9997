"""The list of privacy deletions, outside the home: a restore from an older backup applies it, so erased stays erased.

One accepted deletion a line, as the door let it in: keyed hashes and ids, no contact data, no text.
"""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from domain.errors import ConfigError, Temporary
from domain.kinds import Kind
from domain.ports.inbox import Accepted, Inbox, Refused
from domain.signal import Signal


class ErasureList:
    """The file. It only grows; put it where the anchor is, on another disk or machine."""

    def __init__(self, file: Path) -> None:
        """Nothing is read or written yet."""
        self.file = file

    def make(self) -> None:
        """Make the file if it is missing, so that a lost list can be told from an empty one. Raises: Temporary."""
        self._append(b"")

    def add(self, deletions: Iterable[Signal]) -> None:
        """Put down what is not there yet, and return when it is on disk. Raises: Temporary, ConfigError."""
        known = {(one.tenant, one.signal_id) for one in self.signals()}
        fresh = [one for one in deletions if (one.tenant, one.signal_id) not in known]
        if fresh:
            self._append(b"".join(one.model_dump_json().encode() + b"\n" for one in fresh))

    def signals(self) -> list[Signal]:
        """All deletions, oldest first; a last line cut short by a crash was never accepted.

        Raises: ConfigError if the list is damaged or cannot be read.
        """
        try:
            lines = self.file.read_bytes().split(b"\n")[:-1] if self.file.exists() else []
            return [Signal.model_validate_json(line) for line in lines if line]
        except OSError as error:
            raise ConfigError(
                f"{self.file}: the list of deletions cannot be read ({error.strerror})"
            ) from error
        except ValidationError:
            raise ConfigError(
                f"{self.file}: the list of deletions is damaged; mend it from a copy, or remove the broken lines"
            ) from None

    def _append(self, text: bytes) -> None:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                size = os.fstat(handle).st_size
                whole = _whole(handle, size)
                if whole < size:
                    os.ftruncate(handle, whole)
                if text and os.write(handle, text) != len(text):
                    os.ftruncate(handle, whole)
                    raise OSError(0, "only a part was written")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise Temporary(
                f"{self.file}: a deletion cannot be put on the list ({error.strerror}); make room or give the right "
                "to write there; nothing was taken"
            ) from error


def _whole(handle: int, size: int) -> int:
    """How many bytes of the file are whole lines."""
    return os.pread(handle, size, 0).rfind(b"\n") + 1


class RememberingInbox:
    """Satisfies `domain.ports.inbox.Inbox` by another one: a deletion is on the list before it is accepted."""

    def __init__(self, inbox: Inbox, erasures: ErasureList) -> None:
        self._inbox, self._erasures = inbox, erasures

    async def accept(
        self,
        items: Sequence[Signal | Refused],
        *,
        now: int,
        dropped: Mapping[tuple[str, str, str], int] | None = None,
        released: Sequence[str] = (),
        positions: Sequence[int] = (),
    ) -> Accepted:
        """Store a batch. Raises: Temporary if the list cannot be written, too: nothing was taken then."""
        deletions = [one for one in items if isinstance(one, Signal) and one.kind is Kind.PRIVACY_DELETE]
        if deletions:
            await asyncio.to_thread(self._erasures.add, deletions)
        return await self._inbox.accept(
            items, now=now, dropped=dropped, released=released, positions=positions
        )

    async def waiting(self) -> int:
        """Signals accepted but not yet in a terminal state."""
        return await self._inbox.waiting()
