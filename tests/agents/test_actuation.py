"""Actuation: what is proposed, under which key, bound to which hash."""

import hashlib
import json
from dataclasses import replace

import pytest

from agents.actuation import LONGEST, propose
from domain.action import ActionKind, ActionSpec, ActionState, Proposal
from domain.errors import Permanent
from domain.ids import LeadId, RunId
from domain.policy import Verdict, VerdictKind
from tests.agents.leads import LEAD, run_of

SCORE = ActionSpec(
    ActionKind.UPSERT_SCORE, {"points": "71", "band": "hot", "intent": "pricing", "next_step": "Call"}
)
TASK = ActionSpec(ActionKind.CREATE_TASK, {"queue": "sales"})


def verdict(*actions: ActionSpec) -> Verdict:
    return Verdict(VerdictKind.ACT, actions, (), None, None, None, "", "p1")


async def proposed(*actions: ActionSpec, waiting: bool = False, episode: int = 1) -> tuple[Proposal, ...]:
    given = run_of(lead=replace(LEAD, episode=episode))
    return await propose(given, verdict(*actions), waiting=waiting)


async def test_the_key_of_an_effect_is_lead_kind_and_episode_and_not_the_run() -> None:
    """I2: a decision made again asks for the same effect."""
    first = await propose(run_of(), verdict(TASK), waiting=False)
    again = await propose(replace(run_of(), run_id=RunId("rn_2")), verdict(TASK), waiting=False)
    assert first[0].effect_key == again[0].effect_key == f"{LEAD.lead_id}/create_task/1"
    assert first[0].proposal_hash == again[0].proposal_hash
    assert first[0].action_id != again[0].action_id
    assert (await proposed(TASK, episode=2))[0].effect_key == f"{LEAD.lead_id}/create_task/2"


async def test_the_hash_binds_everything_that_would_be_done() -> None:
    """I5: change the kind, the lead, a parameter or the episode, and the hash is another."""
    (task,) = await proposed(TASK)
    said = {"episode": 1, "kind": "create_task", "lead": LEAD.lead_id, "params": {"queue": "sales"}}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert task.proposal_hash == hashlib.sha256(text.encode()).hexdigest()
    other_lead = run_of(lead=replace(LEAD, lead_id=LeadId("ld_2")))
    others = [
        *await proposed(ActionSpec(ActionKind.NOTIFY, TASK.params)),
        *await proposed(ActionSpec(ActionKind.CREATE_TASK, {"queue": "enterprise"})),
        *await proposed(TASK, episode=2),
        *await propose(other_lead, verdict(TASK), waiting=False),
    ]
    assert len({one.proposal_hash for one in (task, *others)}) == 5


async def test_the_order_of_parameters_does_not_matter() -> None:
    turned = ActionSpec(SCORE.kind, dict(reversed(list(SCORE.params.items()))))
    assert (await proposed(SCORE))[0].proposal_hash == (await proposed(turned))[0].proposal_hash


async def test_what_waits_for_a_person_waits_and_the_score_is_written_all_the_same() -> None:
    score, task = await proposed(SCORE, TASK, waiting=True)
    assert (score.state, task.state) == (ActionState.PROPOSED, ActionState.WAITING)
    score, task = await proposed(SCORE, TASK)
    assert (score.state, task.state) == (ActionState.PROPOSED, ActionState.PROPOSED)


async def test_an_action_asked_for_twice_is_proposed_once() -> None:
    assert len(await proposed(TASK, SCORE, TASK)) == 2
    with pytest.raises(Permanent, match="twice"):
        await proposed(TASK, ActionSpec(ActionKind.CREATE_TASK, {"queue": "enterprise"}))


async def test_parameters_are_bounded_lines_of_text() -> None:
    (one,) = await proposed(ActionSpec(ActionKind.NOTIFY, {"next_step": "a\n b" + "x" * 2 * LONGEST}))
    assert one.params["next_step"].startswith("a b")
    assert len(one.params["next_step"]) == LONGEST
    with pytest.raises(Permanent, match="points is no text"):
        await proposed(ActionSpec(ActionKind.UPSERT_SCORE, {"points": 71}))  # type: ignore[dict-item]  # on purpose


async def test_a_verdict_without_actions_proposes_nothing() -> None:
    assert await proposed() == ()
