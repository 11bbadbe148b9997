"""Salesforce: what its answers mean, and what it is asked."""

from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import Refused, Throttled, Unauthorized
from tests.tools.crm import fake_salesforce
from tests.tools.crm.test_vendor_faults import settled
from tests.tools.crm.vendor_worlds import salesforce_account
from tests.tools.crm.worlds import SCORE, SUBJECT, TASK
from tests.tools.vendor_server import instead


async def test_a_client_that_is_not_accepted_is_named_without_its_secret(tmp_path: Path) -> None:
    account = salesforce_account(tmp_path, secret="other-secret")
    with pytest.raises(Unauthorized) as raised:
        await account.target.look(SUBJECT)
    assert raised.value.setting == "crm_client_secret"
    assert "other-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "code", "error", "seconds"),
    [(403, "REQUEST_LIMIT_EXCEEDED", Throttled, 900), (400, "UNABLE_TO_LOCK_ROW", Throttled, 2),
     (403, "API_DISABLED_FOR_ORG", Refused, 0)],
)  # fmt: skip
async def test_says_by_its_code_what_a_status_means(
    tmp_path: Path, status: int, code: str, error: type[Exception], seconds: int
) -> None:
    account = salesforce_account(tmp_path)
    await account.target.send(TASK, SUBJECT, key="k0")
    account.wire.plan = deque([instead(status, [{"errorCode": code, "message": "secret words"}])])
    with pytest.raises(error) as raised:
        await account.target.send(SCORE, SUBJECT, key="k1")
    assert getattr(raised.value, "retry_after_s", 0) == seconds
    assert await settled(account) is None


@pytest.mark.parametrize(
    ("code", "error"), [("UNABLE_TO_LOCK_ROW", Throttled), ("FIELD_CUSTOM_VALIDATION_EXCEPTION", Refused)]
)
async def test_a_record_that_was_not_written_in_a_good_answer_is_not_done(
    tmp_path: Path, code: str, error: type[Exception]
) -> None:
    account = salesforce_account(tmp_path)
    await account.target.send(TASK, SUBJECT, key="k0")
    row = {"success": False, "errors": [{"statusCode": code, "message": "secret words"}]}
    account.wire.plan = deque([instead(200, [row])])
    with pytest.raises(error):
        await account.target.send(SCORE, SUBJECT, key="k1")
    assert await settled(account) is None


async def test_is_left_alone_when_the_requests_of_the_day_are_used_up(tmp_path: Path) -> None:
    account = salesforce_account(tmp_path)
    account.fake.used = 5_000
    with pytest.raises(Throttled):
        await account.target.send(SCORE, SUBJECT, key="k1")
    assert [asked.method for asked in account.wire.log] == ["POST", "GET"]
    assert account.fake.ledger == []


async def test_numbers_are_written_as_numbers_and_a_text_is_refused(tmp_path: Path) -> None:
    account = salesforce_account(tmp_path)
    await account.target.send(SCORE, SUBJECT, key="k1")
    (row,) = account.fake.rows["Lead"].values()
    assert row["Leadgraph_Points__c"] == 71.0
    with pytest.raises(Refused) as refused:
        await account.target.send(replace(SCORE, params={"points": "many"}), SUBJECT, key="k2")
    assert refused.value.code == "invalid"


async def test_check_names_what_the_org_lacks_and_writes_nothing(tmp_path: Path) -> None:
    account = salesforce_account(tmp_path)
    assert await account.check() == []
    del account.fake.fields["Task"]["Leadgraph_Key__c"]
    problem = "Task: create the field Leadgraph_Key__c, or give the user the right to see it"
    assert await account.check() == [problem]
    assert not any(asked.writes for asked in account.wire.log)


@pytest.mark.parametrize(("length", "lacks"), [(255, False), (254, False), (253, True), (0, True)])
async def test_a_field_that_cannot_hold_the_marks_is_named_before_it_is_full(
    tmp_path: Path, length: int, lacks: bool
) -> None:
    account = salesforce_account(tmp_path)
    account.fake.lengths[fake_salesforce.MARKS] = length
    problems = ["Lead: Leadgraph_Marks__c must hold 254 signs"] if lacks else []
    assert await account.check() == problems
    for number in range(0 if lacks else 20):
        step = replace(SCORE, params={"points": str(number)})
        await account.target.send(step, SUBJECT, key=f"k{number}")
        assert await account.target.find(f"k{max(0, number - 14)}") is not None
