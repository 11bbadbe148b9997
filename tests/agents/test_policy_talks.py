"""Policy review of a lead that is talking to support: who takes over, and what the lead itself said."""

import pytest

from domain.intent import Intent
from domain.lead import Band
from tests.agents.policy_leads import MONDAY_NIGHT, Case, kinds, message, rules
from tests.tools.policy.editing import SHIPPED
from tools.policy.load import load_policy

POLICY = load_policy(SHIPPED)
HOT = Case()


def test_conversation_with_buying_intent_is_handed_over_even_at_night() -> None:
    """The person is there now; quiet hours are for calls and mails."""
    verdict = HOT.but(new=(message(),), at=MONDAY_NIGHT, band=Band.WARM).verdict(POLICY)
    assert kinds(verdict) == ["upsert_score", "assign_owner", "handoff"]
    assert rules(verdict, "routing") == ["chat_buying"]


def test_a_question_in_a_conversation_hides_neither_a_wish_to_buy_nor_one_for_a_person() -> None:
    """Sales reads what is wished for, not what was asked."""
    asks = HOT.but(new=(message(),), intent=Intent.SUPPORT, confidence=900, band=Band.WARM)
    buys = asks.but(beside=((Intent.DEMO, 700),)).verdict(POLICY)
    assert rules(buys, "routing") == ["chat_buying"]
    assert buys.next_step.startswith("Take over the conversation: it is about a demo")
    assert buys.actions[-1].params["intent"] == "demo"
    calls = asks.but(beside=((Intent.PERSON, 700),)).verdict(POLICY)
    assert (rules(calls, "routing"), calls.actions[-1].params["queue"]) == (["chat_person"], "support")
    assert rules(asks.verdict(POLICY), "routing") == ["warm"]


@pytest.mark.parametrize("role", ["agent", "bot"])
def test_what_agents_and_bots_write_is_no_conversation_of_the_lead(role: str) -> None:
    """It opens no door at night."""
    verdict = HOT.but(new=(message(role=role),), at=MONDAY_NIGHT).verdict(POLICY)
    assert rules(verdict, "routing") == ["hot_buying"]
    assert rules(verdict, "timing") == ["quiet_hours"]
