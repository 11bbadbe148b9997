"""What Salesforce's streams say, read by itself: no event stops the others, whatever it holds."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.instants import SECOND
from tests.domain.items import NOW
from tools.login import Login
from tools.records.salesforce_session import Expired
from tools.records.salesforce_stream import EARLIEST, Position, SalesforceStream, position_of

CHANNEL = "/data/LeadChangeEvent"
PLACE = Position(7, NOW, "00D1")
LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
)
ANY = st.recursive(
    LEAF, lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=6), some), max_leaves=6
)
HEAD = st.fixed_dictionaries(
    {},
    optional={
        name: ANY | st.sampled_from(["Lead", "UPDATE", "GAP_OVERFLOW", "00Q1", ["001*"], ["Title", "Address.Street"]])
        for name in (
            "entityName", "recordIds", "recordId", "changeType", "changeOrigin", "transactionKey", "sequenceNumber",
            "commitTimestamp", "commitUser", "changedFields",
        )
    },
)  # fmt: skip
PAYLOAD = st.fixed_dictionaries(
    {},
    optional={
        "ChangeEventHeader": HEAD | ANY, "Title": ANY, "Status": ANY, "OwnerId": ANY, "Email": ANY, "Address": ANY,
        "CreatedDate": ANY, "EventUuid": ANY, "Object__c": ANY | st.just("Lead"), "RecordId__c": ANY, "object": ANY,
    },
)  # fmt: skip
DATA = st.fixed_dictionaries(
    {"schema": ANY},
    optional={"payload": PAYLOAD | ANY, "event": st.dictionaries(st.just("replayId"), ANY) | ANY},
)


def stream() -> SalesforceStream:
    return SalesforceStream(None, Login("", "", ""), CHANNEL, {})  # type: ignore[arg-type]  # nothing is asked


@settings(max_examples=60, deadline=None)
@given(events=st.lists(DATA, min_size=1, max_size=3))
def test_any_event_is_read_or_left_out_and_the_next_position_can_be_read(
    events: list[dict[str, Any]],
) -> None:
    good = {"payload": {"ChangeEventHeader": {
        "entityName": "Lead", "recordIds": ["00Q1"], "changeType": "UPDATE", "transactionKey": "t", "sequenceNumber": 1,
        "changedFields": ["Title"], "commitTimestamp": NOW // 1_000,
    }, "Title": "CTO"}, "event": {"replayId": 19}}  # fmt: skip
    page = stream()._page(PLACE, [{"channel": CHANNEL, "data": one} for one in (*events, good)], NOW)
    assert page.items[-1]["payload"] == {"job_title": "CTO"}  # type: ignore[call-overload, index]  # an item is a dict
    assert position_of(page.position).replay == 19
    assert page.events


class Answering(SalesforceStream):
    """Hears what the test says, half a minute after it was asked."""

    seconds = 0.0
    says: Sequence[Mapping[str, Any]] = ()

    async def _events(self, place: Position, *, wait: bool) -> Sequence[Mapping[str, Any]]:
        Answering.seconds += 30.0
        if not self.says:
            raise Expired("salesforce: the replay id is unknown")
        return self.says


def answering(org: str = "00D1") -> Answering:
    made = Answering(None, Login("", "", ""), CHANNEL, {})  # type: ignore[arg-type]  # nothing is asked
    made.login.org = org
    return made


async def test_a_gap_told_while_a_question_is_held_is_younger_than_what_was_read_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the record read ten seconds after we asked would count as read since the gap."""
    monkeypatch.setattr(time, "monotonic", lambda: Answering.seconds)
    head = {"entityName": "Lead", "recordIds": ["00Q1"], "changeType": "GAP_UPDATE"}
    gap = {"ChangeEventHeader": {**head, "commitTimestamp": (NOW + 20 * SECOND) // 1_000}}
    stream = answering()
    stream.says = [{"channel": CHANNEL, "data": {"payload": gap, "event": {"replayId": 9}}}]
    page = await stream.page(PLACE.text(), now=NOW, wait=True)
    assert [one.since for one in page.records] == [NOW + 20 * SECOND]
    assert position_of(page.position).heard == NOW + 20 * SECOND


async def test_where_even_the_earliest_is_refused_nothing_is_begun_anew_without_rest() -> None:
    earliest = replace(PLACE, replay=EARLIEST)
    with pytest.raises(Expired):
        await answering().page(earliest.text(), now=NOW, wait=True)
    for org, place in (("00D1", PLACE), ("00D2", earliest)):
        page = await answering(org).page(place.text(), now=NOW, wait=True)
        assert (position_of(page.position).replay, page.code) == (EARLIEST, "expired")
