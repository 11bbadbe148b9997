"""Programmes as lists: a lead is put on once, and taken off only where we put it on."""

import random
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.effect import Delivery, Step, StepKind, undo_of
from domain.errors import LeadgraphError, OutcomeUnknown, Refused, Temporary, Unauthorized
from domain.ids import TenantId
from domain.ports.target import Subject
from domain.signal import KeyKind, LeadKey
from tests.tools.crm.test_vendor_faults import LOST
from tests.tools.crm.vendor_worlds import LOCAL
from tests.tools.crm.worlds import LEAD, ROOT, TENANT, FixedClock
from tests.tools.programmes.fakes import TOKEN, FakeBrevo, FakeHubSpotLists, FakeLists
from tests.tools.vendor_server import Wire, cut, instead, vanished
from tools.crm.hubspot import MANNERS
from tools.field_map import field_map
from tools.marked import MarkedTarget
from tools.programmes import brevo, hubspot
from tools.programmes.membership import Lists, Programmes
from tools.sent import Sent
from tools.vendor import Api

ENROL = Step(StepKind.ENROL, {"programme": "nurture"})
LEAVE = Step(StepKind.LEAVE, {"programme": "all"})
SUBJECT = Subject(TENANT, LEAD)
NAMED = {"nurture": "11", "reactivation": "12"}
EACH = pytest.mark.parametrize("vendor", ["hubspot", "brevo"])
MANY = 200


class Account:
    """A vendor's lists, and the connector before them."""

    def __init__(
        self, folder: Path, vendor: str, named: Any = None, wire: Wire | None = None, **choices: Any
    ) -> None:
        fake: FakeLists = FakeHubSpotLists(LEAD) if vendor == "hubspot" else FakeBrevo(LEAD)
        self.wire = wire or Wire(fake)
        self.fake, self.clock = self.wire.fake, FixedClock()
        manners = MANNERS if vendor == "hubspot" else brevo.MANNERS
        transport = self.wire.transport()
        api = Api(
            manners,
            LOCAL,
            self._token,
            self.clock,
            setting="programmes_token",
            transport=transport,
            **choices,
        )
        fields = field_map(ROOT / "config", "hubspot")
        lists: Lists = hubspot.HubSpotLists(api, fields) if vendor == "hubspot" else brevo.BrevoLists(api)
        self.vendor = Programmes(lists, NAMED if named is None else named)
        sent = Sent(folder / "lists.db", self.clock)
        self.target = MarkedTarget(self.vendor, api, sent, tenant=TenantId(TENANT))

    async def _token(self, _stale: str | None) -> str:
        return TOKEN

    async def until_done(self, step: Step, key: str, tries: int = 8) -> None:
        """Send as a dispatcher would: look it up after a lost answer."""
        for _ in range(tries):
            try:
                if await self.target.find(key) is None:
                    await self.target.send(step, SUBJECT, key=key)
                return
            except (OutcomeUnknown, Temporary):
                continue
        raise AssertionError("never done")


async def undone(account: Account, step: Step, receipt: Any, key: str) -> None:
    """Take a step back."""
    back = undo_of(step, receipt)
    assert back is not None
    await account.target.send(back, SUBJECT, key=key)


@EACH
async def test_a_lead_joins_once_and_what_it_was_in_stays(tmp_path: Path, vendor: str) -> None:
    account = Account(tmp_path, vendor)
    account.fake.lists["12"].add("501")
    receipt = await account.target.send(ENROL, SUBJECT, key="k1")
    assert await account.target.send(ENROL, SUBJECT, key="k1") == receipt
    assert account.fake.ledger == [("11", "add")]
    assert receipt.before == {"programmes": "reactivation", "joined": "nurture"}
    assert (await account.target.look(SUBJECT)).programmes == ("nurture", "reactivation")
    assert account.target.delivery is Delivery.READ_BACK


@EACH
async def test_an_undo_takes_off_only_the_lists_that_we_put_the_lead_on(tmp_path: Path, vendor: str) -> None:
    account = Account(tmp_path, vendor)
    first = await account.target.send(ENROL, SUBJECT, key="k1")
    second = await account.target.send(ENROL, SUBJECT, key="k2")
    await undone(account, ENROL, second, "u2")
    assert account.fake.on() == ["11", "99"]
    await undone(account, ENROL, first, "u1")
    assert account.fake.on() == ["99"]


@EACH
async def test_leaving_all_leaves_lists_of_others_alone_and_can_be_undone(
    tmp_path: Path, vendor: str
) -> None:
    account = Account(tmp_path, vendor)
    await account.target.send(ENROL, SUBJECT, key="k1")
    receipt = await account.target.send(LEAVE, SUBJECT, key="k2")
    assert (account.fake.on(), receipt.before) == (["99"], {"programmes": "nurture"})
    await undone(account, LEAVE, receipt, "u2")
    assert account.fake.on() == ["11", "99"]


@EACH
async def test_two_hundred_lost_answers_are_two_hundred_changes(tmp_path: Path, vendor: str) -> None:
    account, seed = Account(tmp_path, vendor), random.Random(5)
    for number in range(MANY):
        account.wire.plan = deque(seed.choices(LOST, k=seed.randrange(1, 3)))
        await account.until_done(LEAVE if number % 2 else ENROL, f"k{number}")
    assert account.fake.ledger == [("11", "add"), ("11", "remove")] * (MANY // 2)
    assert account.fake.broken == []


@EACH
async def test_what_was_new_by_the_first_try_is_what_an_undo_takes_off(tmp_path: Path, vendor: str) -> None:
    account = Account(tmp_path, vendor)
    account.wire.plan = deque([cut])
    with pytest.raises(OutcomeUnknown):
        await account.target.send(ENROL, SUBJECT, key="k1")
    again = Account(tmp_path, vendor, wire=account.wire)
    receipt = await again.target.send(ENROL, SUBJECT, key="k1")
    assert receipt.before["joined"] == "nurture"
    assert account.fake.ledger == [("11", "add")]


@EACH
@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (lambda fake: setattr(fake, "there", False), "no_record"),
        (lambda fake: fake.lists.pop("11"), "invalid"),
    ],
)
async def test_what_cannot_be_joined_is_refused(
    tmp_path: Path, vendor: str, broken: Callable[[FakeLists], Any], code: str
) -> None:
    account = Account(tmp_path, vendor, named={} if code == "invalid" else None)
    broken(account.fake)
    with pytest.raises(Refused) as refused:
        await account.target.send(ENROL, SUBJECT, key="k1")
    assert refused.value.code == code
    assert not any(asked.writes for asked in account.wire.log)


@EACH
async def test_a_lead_that_is_not_there_has_nothing_to_leave(tmp_path: Path, vendor: str) -> None:
    account = Account(tmp_path, vendor)
    account.fake.there = False
    assert (await account.target.send(LEAVE, SUBJECT, key="k1")).before == {"programmes": ""}


@EACH
async def test_who_has_opted_out_is_seen_and_a_key_finds_the_contact(tmp_path: Path, vendor: str) -> None:
    account = Account(tmp_path, vendor)
    account.fake.out = True
    known = Subject(TENANT, LEAD, (LeadKey(KeyKind.CRM_ID, f"{vendor}:501"),))
    account.fake.lead = "another"
    assert (await account.target.look(known)).do_not_contact
    assert not (await account.target.look(SUBJECT)).exists


@EACH
@pytest.mark.parametrize(
    ("fault", "error"),
    [(instead(401), Unauthorized), (instead(500), OutcomeUnknown), (vanished, OutcomeUnknown),
     (instead(429), Temporary), (instead(403), Refused)],
)  # fmt: skip
async def test_what_an_answer_means(
    tmp_path: Path, vendor: str, fault: Any, error: type[LeadgraphError]
) -> None:
    account = Account(tmp_path, vendor)
    account.wire.plan = deque([fault] * 2)
    with pytest.raises(error) as raised:
        await account.target.send(ENROL, SUBJECT, key="k1")
    assert "secret" not in str(raised.value)
    assert account.fake.ledger == []


@EACH
async def test_lists_that_will_not_do_are_named_and_a_preview_writes_nothing(
    tmp_path: Path, vendor: str
) -> None:
    account = Account(tmp_path, vendor, named={"nurture": "11", "old": "77", "own": "12"})
    account.fake.dynamic = frozenset({"12"})
    problems = await account.vendor.check()
    assert problems[0] == "programmes: old: there is no list 77"
    assert len(problems) == (2 if vendor == "hubspot" else 1)
    changes = [(one.field, one.before, one.after) for one in await account.target.preview([ENROL], SUBJECT)]
    assert changes[0] == ("programmes", "", "nurture")
    assert changes[1][2].endswith(('add ["501"]', 'add {"ids":[501]}'))
    assert account.fake.ledger == []
