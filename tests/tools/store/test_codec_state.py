"""A lead's state survives storage, every field of it."""

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import LeadId, Region, TenantId
from domain.lead import Band, BandState, LeadState, PastAction
from domain.signal import Event
from tools.store.codec import state_bytes, state_from

numbers = st.integers(0, 2**53)
words = st.text(max_size=8)
events = st.builds(
    Event, at=numbers, ref=words, subject=words, kind=words, value=words, amount=st.integers(-(2**53), 2**53),
    known=numbers, tags=st.lists(words, max_size=2).map(tuple),
)  # fmt: skip
bands = st.builds(
    BandState, band=st.sampled_from(Band), folded_to=numbers, since=numbers,
    settled=st.none() | st.sampled_from(Band), settled_since=numbers, seen=numbers, by=words,
)  # fmt: skip
actions = st.builds(
    PastAction, kind=words, at=numbers, episode=st.integers(1, 9), points=st.none() | st.integers(0, 100),
    band=st.none() | words,
)  # fmt: skip
states = st.builds(
    LeadState, lead_id=st.just(LeadId("ld_1")), tenant=st.just(TenantId("t")), region=st.just(Region("eu")),
    account=st.none(), events=st.lists(events, max_size=3).map(tuple), dropped=numbers, band=bands,
    owner=st.none() | words, episode=st.integers(1, 9), suppressed=st.just(False),
    actions=st.lists(actions, max_size=3).map(tuple), reading=st.dictionaries(words, st.integers(0, 1_000), max_size=3),
)  # fmt: skip


@given(states)
def test_what_was_stored_comes_back_to_the_last_field(state: LeadState) -> None:
    again = state_from(state_bytes(state), lead_id=state.lead_id, tenant=state.tenant, region=state.region)
    assert again == state


def test_no_field_of_a_lead_is_left_at_its_default_in_that_test() -> None:
    varied = {"account", "suppressed", "lead_id", "tenant", "region"}  # these lie in the lead's own row
    assert {field.name for field in fields(LeadState)} - varied == {
        "events", "dropped", "band", "owner", "episode", "actions", "reading",
    }  # fmt: skip
    assert {field.name for field in fields(BandState)} == {
        "band", "folded_to", "since", "settled", "settled_since", "seen", "by",
    }  # fmt: skip
    assert replace(BandState(), seen=1) != BandState()
