"""HubSpot: what its answers mean, and what it is asked."""

from collections import deque
from pathlib import Path
from typing import Any

import pytest

from domain.errors import OutcomeUnknown, Refused, Temporary, Throttled
from tests.tools.crm.fake_hubspot import FakeHubSpot
from tests.tools.crm.test_vendor_faults import settled
from tests.tools.crm.vendor_worlds import hubspot_account
from tests.tools.crm.worlds import SCORE, SUBJECT, TASK
from tests.tools.vendor_server import Asked, Fake, Said, instead


def partial(category: str) -> dict[str, Any]:
    """A batch of which one input failed."""
    return {"status": "PARTIAL", "results": [], "errors": [{"status": "error", "category": category}]}


@pytest.mark.parametrize(
    ("category", "error"),
    [
        ("OBJECT_NOT_FOUND", Refused),
        ("VALIDATION_ERROR", Refused),
        ("RATE_LIMITS", Throttled),
        ("NEW", OutcomeUnknown),
    ],
)
async def test_a_batch_done_in_part_is_not_done(
    tmp_path: Path, category: str, error: type[Exception]
) -> None:
    account = hubspot_account(tmp_path)
    await account.target.send(SCORE, SUBJECT, key="k0")
    account.wire.plan = deque([instead(207, partial(category))])
    with pytest.raises(error):
        await account.target.send(SCORE, SUBJECT, key="k1")
    assert await settled(account) is None


async def test_a_contact_that_was_made_in_part_is_not_taken_for_made(tmp_path: Path) -> None:
    account = hubspot_account(tmp_path)
    account.wire.plan = deque([instead(207, partial("VALIDATION_ERROR"))])
    with pytest.raises(Refused):
        await account.target.send(TASK, SUBJECT, key="k1")
    assert account.fake.counts()["records"] == 0


@pytest.mark.parametrize(
    ("policy", "seconds"), [("DAILY", 3_600), ("TEN_SECONDLY_ROLLING", 10), ("SECONDLY", 1), ("NEW", 10)]
)
async def test_says_by_its_policy_when_to_come_back(tmp_path: Path, policy: str, seconds: int) -> None:
    """Until then nobody asks."""
    account = hubspot_account(tmp_path)
    account.wire.reads = deque([instead(429, {"errorType": "RATE_LIMIT", "policyName": policy})])
    for _ in range(2):
        with pytest.raises(Throttled) as throttled:
            await account.target.look(SUBJECT)
        assert throttled.value.retry_after_s == seconds
    assert len(account.wire.log) == 1


async def test_is_left_alone_when_it_says_that_no_request_is_left(tmp_path: Path) -> None:
    account = hubspot_account(tmp_path)
    limit = {"x_hubspot_ratelimit_remaining": "0", "x_hubspot_ratelimit_interval_milliseconds": "10000"}
    account.wire.reads = deque([instead(200, {"id": "1"}, **limit)])
    await account.target.look(SUBJECT)
    with pytest.raises(Throttled):
        await account.target.look(SUBJECT)
    assert len(account.wire.log) == 1


async def test_a_lead_without_a_contact_gets_none_unless_asked_for(tmp_path: Path) -> None:
    account = hubspot_account(tmp_path, create=False)
    with pytest.raises(Refused) as refused:
        await account.target.send(SCORE, SUBJECT, key="k1")
    assert refused.value.code == "no_record"
    assert account.fake.counts()["records"] == 0


async def test_check_names_what_the_account_lacks_and_writes_nothing(tmp_path: Path) -> None:
    account = hubspot_account(tmp_path)
    assert await account.check() == []
    contacts = account.fake.made["contacts"]
    account.fake.made["contacts"] = [row for row in contacts if row["name"] != "leadgraph_band"]
    account.fake.owners.remove("907")
    for row in account.fake.made["tasks"]:
        row["hasUniqueValue"] = False
    assert await account.check() == [
        "contacts: create the property leadgraph_band",
        "tasks: leadgraph_key must have unique values",
        "owners: rep r7 names owner 907, who is not there",
    ]
    assert not any(asked.writes for asked in account.wire.log)


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7), ("99999999999999999999", 3_600), ("-1", 10), ("soon", 10), ("\u00b2", 10)]
)
async def test_a_wait_that_cannot_be_read_is_a_usual_one_and_none_is_endless(
    tmp_path: Path, said: str, seconds: int
) -> None:
    account = hubspot_account(tmp_path)
    account.wire.reads = deque([instead(429, {}, retry_after=said)])
    with pytest.raises(Throttled) as throttled:
        await account.target.look(SUBJECT)
    assert throttled.value.retry_after_s == seconds


async def test_of_several_tasks_one_that_is_gone_hides_none_of_the_others(tmp_path: Path) -> None:
    """Deleted between the two requests: the contact is there, and so is its other task."""
    account = hubspot_account(tmp_path)
    for number in range(2):
        await account.target.send(TASK, SUBJECT, key=f"k{number}")
    account.wire.reads = deque([None, deleted_first])
    (left,) = (await account.target.look(SUBJECT)).open_tasks
    assert left == list(account.fake.things["tasks"])[1]


def deleted_first(fake: Fake, asked: Asked) -> Said:
    """The first task is deleted before the request is answered."""
    assert isinstance(fake, FakeHubSpot)
    next(iter(fake.things["tasks"].values())).archived = True
    said = fake.handle(asked)
    assert said.status == 207
    return said


@pytest.mark.parametrize("category", ["NEW", "RATE_LIMITS"])
async def test_tasks_that_cannot_be_read_are_not_taken_for_gone(tmp_path: Path, category: str) -> None:
    account = hubspot_account(tmp_path)
    await account.target.send(TASK, SUBJECT, key="k0")
    account.wire.reads = deque([None, instead(207, partial(category))])
    with pytest.raises(Temporary):
        await account.target.look(SUBJECT)
