"""Two workers at vendors that count: nothing is asked that is one too many, and each effect is there once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from domain.effect import Step, StepKind
from domain.errors import OutcomeUnknown, Temporary, Throttled
from domain.instants import SECOND, Instant
from domain.ports.target import Subject
from domain.signal import KeyKind, LeadKey
from tests.tools.crm.vendor_worlds import VENDORS, Account
from tests.tools.crm.worlds import LEAD, NOW, TASK, TENANT
from tests.tools.desk.beside import OPEN
from tests.tools.vendor_limits import limited
from tests.tools.vendor_server import Asked, Said, Wire
from tools.fakes import open_memory
from tools.store import Config
from tools.waits import Rate, SharedWait

NOTE = Step(StepKind.ADD_NOTE, {"note": "Wants 50 seats"})
WORLDS: dict[str, Callable[..., Account]] = {**VENDORS, **OPEN}
STEPS = 22
SMALL: dict[str, tuple[Rate | None, dict[str, int]]] = {
    "hubspot": (Rate(120, 5), {"ten": 25}),
    "salesforce": (None, {"day": 40}),
    "intercom": (Rate(120, 5), {"ten": 25}),
    "chatwoot": (Rate(48, 12), {"minute": 60}),
    "zendesk": (Rate(40, 10), {"minute": 50}),
}
"""Our rate and the vendor's window, in the proportion of the real ones."""


@dataclass
class Crew:
    """Workers of one home at one account, under one clock that whoever waits moves on."""

    vendor: str
    folder: Path
    rate: Rate | None
    most: dict[str, int]
    others: int = 0
    at: int = NOW
    accounts: list[Account] = field(default_factory=list)

    def __post_init__(self) -> None:
        opener = WORLDS[self.vendor]
        fake = opener(self.folder / "before").fake
        self.fake: Any = limited(self.vendor, fake, lambda: self.at, others=self.others, **self.most)
        self.limits, self.wire = open_memory(Config()).limits, Wire(self.fake)
        self.accounts = [opener(self.folder, self.wire, wait=self._wait()) for _ in range(2)]

    def _wait(self) -> SharedWait:
        return SharedWait(self.limits, TENANT, self.vendor, lambda: self.at, self.rate, sleep=self.passes)

    async def passes(self, seconds: float) -> None:
        self.at += round(seconds * SECOND)
        for one in self.accounts:
            one.clock.at = Instant(self.at)

    async def done(self, number: int, talk: int = 42) -> None:
        """One step of the worker whose turn it is, as often as it takes."""
        crm = self.vendor in VENDORS
        keys = () if crm else (LeadKey(KeyKind.CONVERSATION, f"{self.vendor}:{talk}"),)
        target = self.accounts[number % 2].target
        for _ in range(200):
            try:
                await target.send(TASK if crm else NOTE, Subject(TENANT, LEAD, keys), key=f"k{number}")
                return
            except Throttled as busy:
                await self.passes(busy.retry_after_s)
            except (Temporary, OutcomeUnknown):
                await self.passes(1.0)
        raise AssertionError("never done")

    def ledger(self) -> Counter[str]:
        """What the account applied, by our keys."""
        marks = {mark: key for one in self.accounts for mark, key in one.target.marks.items()}
        return Counter(marks.get(mark, mark) for mark, _ in self.fake.ledger)


def crew_at(vendor: str, folder: Path, **choices: Any) -> Crew:
    rate, most = SMALL[vendor]
    return Crew(vendor, folder, rate, most, **choices)


ONCE = Counter({f"k{number}": 1 for number in range(STEPS)})


@pytest.mark.parametrize("vendor", SMALL)
async def test_what_a_vendor_takes_is_kept_by_all_workers_together(tmp_path: Path, vendor: str) -> None:
    """Where only the day counts, it is asked again every quarter of an hour once the day is used up."""
    crew = crew_at(vendor, tmp_path)
    for number in range(STEPS):
        await crew.done(number)
    assert len(crew.wire.log) > max(SMALL[vendor][1].values())
    assert crew.ledger() == ONCE
    assert len(crew.fake.refused) <= (96 if vendor == "salesforce" else 0)
    assert crew.fake.broken == []


@pytest.mark.parametrize("vendor", [name for name in SMALL if name != "salesforce"])
async def test_where_others_use_the_account_too_one_refusal_a_window_is_heard_by_all(
    tmp_path: Path, vendor: str
) -> None:
    crew = crew_at(vendor, tmp_path, others=4)
    for number in range(STEPS):
        await crew.done(number)
    (window,) = (one for name, one in crew.fake.windows.items() if name in ("ten", "minute"))
    assert crew.ledger() == ONCE
    assert len(crew.fake.refused) <= (crew.at - NOW) // window.span + 1
    assert crew.fake.broken == []


class Searched:
    """Finds nothing."""

    def handle(self, _: Asked) -> Said:
        return Said(200, {"results": []})


def test_a_search_has_a_second_of_its_own_and_tells_nothing_of_what_is_left() -> None:
    vendor = limited("hubspot", Searched(), lambda: NOW)
    said = [vendor.handle(Asked("POST", "/crm/v3/objects/contacts/search", {}, {}, {})) for _ in range(6)]
    assert [one.status for one in said] == [200] * 5 + [429]
    assert (said[0].headers, said[5].body["policyName"]) == ({}, "SECONDLY")
