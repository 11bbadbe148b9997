"""Sharing leads out: only to people who match and have room, the one who waited longest first."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.capacity import next_in_line
from domain.policy import Rep

ANN = Rep("ann", "sales", ("us",), ("small", "mid"), 3, 0, 10)

reps = st.lists(
    st.builds(
        Rep,
        rep_id=st.sampled_from("abcdefgh"),
        team=st.sampled_from(["sales", "enterprise"]),
        regions=st.sampled_from([(), ("us",), ("eu", "uk")]),
        segments=st.sampled_from([(), ("small", "mid"), ("large",)]),
        capacity=st.integers(0, 2),
        load=st.integers(0, 2),
        last_assigned=st.integers(0, 2),
    ),
    unique_by=lambda rep: rep.rep_id,
    max_size=8,
)


def chosen(*people: Rep, region: str = "us", segment: str | None = "mid") -> str | None:
    """Who takes a lead of the sales team."""
    rep = next_in_line(people, team="sales", region=region, segment=segment)
    return rep.rep_id if rep else None


def test_nobody_is_given_more_than_they_can_take() -> None:
    """Full is full."""
    assert chosen(replace(ANN, load=2)) == "ann"
    assert chosen(replace(ANN, load=3)) is None
    assert chosen(replace(ANN, capacity=0)) is None


def test_team_region_and_segment_must_match() -> None:
    """No region or segment stated by a person means all; no segment known of a lead means any."""
    assert chosen(replace(ANN, team="enterprise")) is None
    assert chosen(ANN, region="eu") is None
    assert chosen(replace(ANN, regions=()), region="eu") == "ann"
    assert chosen(ANN, segment="large") is None
    assert chosen(replace(ANN, segments=()), segment="large") == "ann"
    assert chosen(ANN, segment=None) == "ann"


def test_who_waited_longest_is_next_and_ties_go_by_id() -> None:
    """Whatever the order of the list."""
    bob, cleo = replace(ANN, rep_id="bob", last_assigned=9), replace(ANN, rep_id="cleo", last_assigned=9)
    assert chosen(ANN, cleo, bob) == "bob"
    assert chosen(bob, cleo, ANN) == "bob"
    assert chosen() is None


@given(people=reps, segment=st.sampled_from([None, "small", "large"]))
def test_no_match_with_room_waited_longer_than_the_one_chosen(people: list[Rep], segment: str | None) -> None:
    """Worked out the slow way."""
    able = [
        (rep.last_assigned, rep.rep_id)
        for rep in people
        if rep.team == "sales" and rep.load < rep.capacity
        if rep.regions in ((), ("us",))
        if segment is None or not rep.segments or segment in rep.segments
    ]
    assert chosen(*people, segment=segment) == (min(able)[1] if able else None)


def test_an_owner_with_room_comes_first_whatever_the_team() -> None:
    """Of two with room the one who knows the customer."""
    own = replace(ANN, rep_id="own", team="enterprise", last_assigned=99)
    for load, taken in ((0, "own"), (3, "ann")):
        people = (ANN, replace(own, load=load))
        rep = next_in_line(people, team="sales", region="us", segment="mid", owner="own")
        assert rep is not None
        assert rep.rep_id == taken
