"""Intercom's contacts as the place of scores: once each, beside what others keep there."""

import asyncio
import random
import shutil
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from domain.effect import Step, StepKind, undo_of
from domain.errors import OutcomeUnknown, Refused, Temporary
from domain.ports.target import Subject
from domain.signal import KeyKind, LeadKey
from tests.tools.crm.test_vendor_faults import LOST
from tests.tools.crm.vendor_worlds import LOCAL, Account, Recorded
from tests.tools.crm.worlds import LEAD, SCORE, TENANT, FixedClock
from tests.tools.crm.worlds import SUBJECT as STRANGER
from tests.tools.desk.fake_intercom import CONTACT, TOKEN, FakeIntercom
from tests.tools.sources.webhook_cases import read
from tests.tools.test_vendors import Unlimited
from tests.tools.vendor_server import Wire, instead
from tools.crm import intercom
from tools.desk.intercom import MANNERS
from tools.field_map import FieldMap
from tools.marked import MarkedTarget
from tools.sent import Sent
from tools.settings import SHIPPED, find_settings
from tools.sources import intercom as source
from tools.targets import open_targets
from tools.vendor import Api

SUBJECT = Subject(TENANT, LEAD, (LeadKey(KeyKind.CRM_ID, f"intercom:{CONTACT}"),))
FIELDS = {name: f"leadgraph_{name}" for name in ("points", "band")}
MAP = FieldMap(FIELDS, {}, {"marks": "leadgraph_marks"}, {}, {})
MANY = 200


async def token(_stale: str | None) -> str:
    """The token that never changes."""
    return TOKEN


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """In the end nothing was asked that Intercom does not allow."""
    wire, clock = Wire(FakeIntercom()), FixedClock()
    api = Api(MANNERS, LOCAL, token, clock, setting="desk_token", transport=wire.transport())
    sent = Sent(tmp_path / "intercom_contacts.db", clock)
    vendor = intercom.IntercomContacts(api, MAP, sent)
    target = MarkedTarget(vendor, api, sent, tenant=TENANT)
    yield Account(Recorded(target), wire.fake, wire, clock, vendor.check)
    assert wire.fake.broken == []


def held(account: Account) -> dict[str, object]:
    """The contact's attributes but for our marks."""
    values = account.fake.contacts[CONTACT]
    return {name: value for name, value in values.items() if name != "leadgraph_marks"}


async def test_a_score_stands_at_the_contact_once_and_is_taken_back_but_for_what_a_person_changed(
    account: Account,
) -> None:
    target = account.target
    shown = [(one.field, one.before, one.after) for one in await target.preview([SCORE], SUBJECT)]
    assert shown[:2] == [("points", "", "71"), ("band", "", "hot")]
    receipts = [await target.send(SCORE, SUBJECT, key="k1") for _ in range(3)]
    assert (len(account.fake.ledger), receipts[0]) == (1, receipts[2])
    assert held(account) == {"plan": "pro", "leadgraph_points": 71, "leadgraph_band": "hot"}
    assert (await target.look(SUBJECT)).fields == {"points": "71", "band": "hot"}
    account.fake.contacts[CONTACT]["leadgraph_band"] = "warm"
    back = undo_of(SCORE, receipts[0])
    assert back is not None
    assert (await target.send(back, SUBJECT, key="u1")).before["kept"] == "band"
    assert held(account) == {"plan": "pro", "leadgraph_points": None, "leadgraph_band": "warm"}


async def test_two_hundred_lost_answers_are_two_hundred_effects(account: Account) -> None:
    seed = random.Random(7)
    for number in range(MANY):
        step, key = replace(SCORE, params={"points": str(number)}), f"k{number}"
        account.wire.plan = deque(seed.choices(LOST, k=seed.randrange(1, 3)))
        for _ in range(9):
            try:
                if await account.target.find(key) is None:
                    await account.target.send(step, SUBJECT, key=key)
                break
            except (OutcomeUnknown, Temporary):
                continue
    assert Counter(account.ledger()) == {(f"k{n}", StepKind.SET_FIELDS): 1 for n in range(MANY)}


async def test_nobody_is_made_and_what_does_not_fit_is_refused(account: Account) -> None:
    gone = Subject(TENANT, LEAD, (LeadKey(KeyKind.CRM_ID, "intercom:0ba682d23d7cf92bef87bfd4"),))
    odd = Step(StepKind.SET_FIELDS, {"points": "many"})
    for subject, step, code in (
        (STRANGER, SCORE, "no_record"),
        (gone, SCORE, "gone"),
        (SUBJECT, odd, "invalid"),
    ):
        with pytest.raises(Refused) as refused:
            await account.target.send(step, subject, key=f"k-{code}")
        assert refused.value.code == code
    assert (await account.target.look(gone)).gone
    account.wire.plan = deque([instead(200, {"type": "contact"})])
    with pytest.raises(OutcomeUnknown):
        await account.target.send(SCORE, SUBJECT, key="k1")
    assert account.fake.ledger == []


async def test_check_names_what_contacts_lack_and_writes_nothing(account: Account) -> None:
    account.fake.described |= {"leadgraph_band": "boolean"}
    del account.fake.described["leadgraph_points"]
    assert await account.check() == [
        "attributes: create the contact attribute leadgraph_points",
        "attributes: leadgraph_band of contacts is no text or number",
    ]
    assert not any(asked.writes for asked in account.wire.log)


def test_an_update_of_a_contact_says_how_it_stands() -> None:
    """Our own attributes change a contact as well, and no update names its author."""
    item = {
        "type": "contact",
        "id": CONTACT,
        "custom_attributes": {"leadgraph_band": "hot", "industry": "retail"},
    }
    for topic, standing in (("contact.user.updated", {0: "unchanged"}), ("contact.user.created", {})):
        found = read(source, {"topic": topic, "id": "n1", "created_at": 1709286300, "data": {"item": item}})
        assert (len(found.items), found.standing) == (1, standing)


@pytest.mark.parametrize(("mapped", "place"), [(True, "intercom"), (False, "embedded")])
async def test_scores_go_to_contacts_where_the_map_names_attributes(
    tmp_path: Path, mapped: bool, place: str
) -> None:
    """Of a lead who is no contact there they stay in the embedded CRM."""
    config = tmp_path / "config"
    shutil.copytree(SHIPPED, config)
    file = config / "fields" / "intercom.toml"
    file.write_text(file.read_text("utf-8").replace("# points", "points").replace("# band", "band")
                    if mapped else file.read_text("utf-8"), "utf-8")  # fmt: skip
    wire = Wire(FakeIntercom())
    with wire.served() as url, ExitStack() as later:
        settings = find_settings(
            {},
            desk="intercom",
            desk_url=url,
            desk_token=TOKEN,
            desk_account=900,
            config=config,
            tenant=TENANT,
        ).settings
        limits = Unlimited()
        targets = open_targets(settings, tmp_path, clock=FixedClock(), limits=limits, later=later)
        target = targets[StepKind.SET_FIELDS]
        for number, subject in enumerate((SUBJECT, STRANGER)):
            receipt = await target.send(SCORE, subject, key=f"k{number}")
            assert await target.find(f"k{number}") == receipt
        assert len(wire.fake.ledger) == (place == "intercom")
        await asyncio.to_thread(later.close)
