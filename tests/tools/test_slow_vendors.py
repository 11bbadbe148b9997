"""Vendors that do what they are asked and say so too late: looked up, and there once."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.effect import Step, StepKind
from domain.errors import OutcomeUnknown, Temporary
from domain.ports.target import Subject, Target
from domain.signal import KeyKind, LeadKey
from tests.tools.chat.slack_world import Workspace
from tests.tools.crm.vendor_worlds import VENDORS
from tests.tools.crm.worlds import LEAD, TASK, TENANT
from tests.tools.desk.beside import OPEN
from tests.tools.programmes.test_programmes import Account as Lists
from tests.tools.vendor_server import Wire, late

HASTY_S = 0.05
NOTE = Step(StepKind.ADD_NOTE, {"note": "Wants 50 seats"})
NOTICE = Step(StepKind.NOTIFY, {"queue": "sales"})
ENROL = Step(StepKind.ENROL, {"programme": "nurture"})


@dataclass
class Slow:
    """A vendor's account, a step that it takes, and how often it was taken."""

    target: Target
    wire: Wire
    step: Step
    subject: Subject
    count: Callable[[], int]


def opened(vendor: str, folder: Path) -> Slow:
    keys: tuple[LeadKey, ...] = ()
    account: Any
    if vendor == "slack":
        account = Workspace(folder, tenant=TENANT, deadline_s=HASTY_S).account
        return Slow(
            account.target, account.wire, NOTICE, Subject(TENANT, LEAD), lambda: len(account.fake.messages)
        )
    if vendor.endswith("lists"):
        account = Lists(folder, vendor.removesuffix("_lists"), deadline_s=HASTY_S)
        step = ENROL
    elif vendor in OPEN:
        account, step = OPEN[vendor](folder, deadline_s=HASTY_S), NOTE
        keys = (LeadKey(KeyKind.CONVERSATION, f"{vendor}:42"),)
    else:
        account, step = VENDORS[vendor](folder, deadline_s=HASTY_S), TASK
    return Slow(
        account.target, account.wire, step, Subject(TENANT, LEAD, keys), lambda: len(account.fake.ledger)
    )


@pytest.mark.parametrize("vendor", [*VENDORS, *OPEN, "hubspot_lists", "brevo_lists", "slack"])
async def test_what_was_done_too_late_to_be_heard_is_looked_up_and_there_once(
    tmp_path: Path, vendor: str
) -> None:
    """A read that is late is an outage, and writes nothing."""
    slow = opened(vendor, tmp_path)
    if vendor != "slack":
        slow.wire.reads = deque([late])
        with pytest.raises(Temporary):
            await slow.target.send(slow.step, slow.subject, key="k1")
    assert slow.count() == 0
    if vendor in VENDORS:
        await slow.target.send(slow.step, slow.subject, key="k0")  # it makes the record
    before = slow.count()
    slow.wire.plan = deque([late])
    with pytest.raises(OutcomeUnknown):
        await slow.target.send(slow.step, slow.subject, key="k1")
    assert slow.count() == before + 1
    found = await slow.target.find("k1")
    assert found is not None
    assert await slow.target.send(slow.step, slow.subject, key="k1") == found
    assert slow.count() == before + 1
