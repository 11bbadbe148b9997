"""The embedded CRM as a target in this process."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from domain.effect import Delivery, Step, StepReceipt
from domain.ports.clock import Clock
from domain.ports.target import Change, Seen, Subject
from tools.crm.embedded.book import TAKES, Book
from tools.crm.embedded.people import People
from tools.crm.embedded.reports import Reports


class EmbeddedCrm:
    """Satisfies `domain.ports.target.Target`. SQLite blocks, so each call is one hop to a thread."""

    def __init__(
        self, path: Path, clock: Clock, *, name: str = "crm", delivery: Delivery = Delivery.KEYED
    ) -> None:
        """Open the file, making it where it is missing. Raises: Temporary, Permanent."""
        self.name, self.delivery, self.takes = name, delivery, TAKES
        self._book = Book(path, clock, delivery=delivery)
        self.people, self.reports = People(self._book.file), Reports(self._book.file)

    async def look(self, subject: Subject) -> Seen:
        """The record as it is now."""
        return await asyncio.to_thread(self._book.look, subject)

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Take one step. A caller that stops waiting does not stop it."""
        return await asyncio.to_thread(self._book.send, step, subject, key)

    async def find(self, key: str) -> StepReceipt | None:
        """The receipt under `key`."""
        return await asyncio.to_thread(self._book.find, key)

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        """Every single write that the steps would make; a step that would be refused says so."""
        return await asyncio.to_thread(self._book.preview, steps, subject)

    def close(self) -> None:
        """Close the file."""
        self._book.close()
