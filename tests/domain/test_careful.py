"""A wish makes a verdict more careful or leaves it: there is no other way for it to come out."""

from hypothesis import given
from hypothesis import strategies as st

from domain.action import SILENT, ActionKind, ActionSpec
from domain.approval import Terms
from domain.careful import AGAIN, HELD_HOURS, Wish, adds, as_careful_as, loses, more_careful
from domain.instants import HOUR
from domain.policy import Verdict, VerdictKind
from tests.agents.leads import NOW

CARE = [VerdictKind.ACT, VerdictKind.ASK, VerdictKind.HOLD, VerdictKind.NOTHING]
KINDS = st.lists(st.sampled_from(ActionKind), unique=True, max_size=4)


def verdict(
    kind: VerdictKind, *kinds: ActionKind, queue: str = "sales", due_at: int | None = None
) -> Verdict:
    """Of these actions."""
    return Verdict(
        kind=kind,
        actions=tuple(ActionSpec(one, {"queue": queue}) for one in kinds),
        rules=(),
        owner="ann",
        due_at=due_at,
        due_reason="recheck" if due_at else None,
        next_step="Call",
        policy="p",
        terms=Terms(2, 5),
    )


@given(
    kind=st.sampled_from(VerdictKind),
    kinds=KINDS,
    wish=st.sampled_from(Wish),
    due=st.sampled_from([None, NOW]),
)
def test_no_wish_makes_a_verdict_less_careful(
    kind: VerdictKind, kinds: list[ActionKind], wish: Wish, due: int | None
) -> None:
    """Nothing is added, nothing is changed, and what was asked about is still asked about."""
    before = verdict(kind, *kinds, due_at=due)
    after = more_careful(before, wish, code="conflict", why="Because.", as_of=NOW)
    assert set(map(repr, after.actions)) <= set(map(repr, before.actions))
    assert (after.owner, after.policy) == (before.owner, before.policy)
    out = [action for action in after.actions if action.kind not in SILENT]
    if out:
        assert CARE.index(after.kind) >= CARE.index(before.kind)
    if before.kind is VerdictKind.ASK and out:
        assert (after.kind, after.terms) == (VerdictKind.ASK, before.terms)


def test_asking_keeps_the_actions_and_holding_keeps_only_those_that_reach_nobody() -> None:
    before = verdict(VerdictKind.ACT, ActionKind.UPSERT_SCORE, ActionKind.HANDOFF)
    asked = more_careful(before, Wish.ASK, code="conflict", why="Why.", as_of=NOW)
    assert (asked.kind, asked.actions) == (VerdictKind.ASK, before.actions)
    assert asked.next_step == "Ask a person first: Why. Then: Call"
    held = more_careful(before, Wish.HOLD, code="conflict", why="Why.", as_of=NOW)
    assert [one.kind for one in held.actions] == [ActionKind.UPSERT_SCORE]
    assert (held.due_at, held.due_reason) == (NOW + HELD_HOURS * HOUR, AGAIN)
    assert [f"{row.table}:{row.rule}" for row in held.rules] == ["model:conflict"]


def test_more_means_more_reaches_a_person_unasked_or_elsewhere() -> None:
    plain = verdict(VerdictKind.ACT, ActionKind.NOTIFY)
    assert not adds(plain, plain)
    assert adds(verdict(VerdictKind.ACT, ActionKind.HANDOFF), plain)
    assert adds(verdict(VerdictKind.ACT, ActionKind.NOTIFY, queue="partners"), plain)
    assert adds(plain, verdict(VerdictKind.ASK, ActionKind.NOTIFY))
    assert not adds(verdict(VerdictKind.ASK, ActionKind.HANDOFF), plain)
    assert not adds(verdict(VerdictKind.ACT, ActionKind.UPSERT_SCORE), verdict(VerdictKind.NOTHING))
    assert loses(verdict(VerdictKind.NOTHING), plain)
    assert not loses(verdict(VerdictKind.ASK, ActionKind.NOTIFY, ActionKind.HANDOFF), plain)


def test_other_tables_are_tried_with_the_wishes_that_were_made() -> None:
    """Or a simulation would lay to the tables what a second look did."""
    before = verdict(VerdictKind.ACT, ActionKind.HANDOFF)
    for wish in (Wish.ASK, Wish.HOLD):
        decided = more_careful(before, wish, code="conflict", why="Why.", as_of=NOW)
        assert as_careful_as(before, decided, as_of=NOW) == decided
    assert as_careful_as(before, before, as_of=NOW) is before
