"""Decisions about talks: on record, decided on what is true right before acting, never twice."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app import throw_away_home
from domain.errors import BadInput, Temporary
from domain.handoff import Heard, Message, Step
from domain.ports.home import Home
from surfaces.handoff import Desk, run_of, talk_of
from tests.agents.test_handoff import BUYS, talk

HEARD = Heard(900, True, 0, {"purchase": 900}, (), None, None, "local")


class Ears:
    """A listener that hears a buying interest, after `meanwhile`."""

    def __init__(self, desks: list[Desk] | None = None, *, problem: Exception | None = None) -> None:
        self.desks, self.problem = desks or [], problem

    async def hear(self, messages: Sequence[Message]) -> Heard:
        if self.problem:
            raise self.problem
        if self.desks:
            await self.desks.pop().decide(talk(("customer", BUYS)))
        return replace(HEARD, turn=len(messages) - 1)


async def decisions(home: Home) -> list[object]:
    rows = await home.reads.audit_rows(home.tenant, run_id=run_of(home, talk(("customer", BUYS))))
    return [row["code"] for row in rows]


def test_a_talk_is_handed_over_once_and_a_restart_forgets_nothing() -> None:
    with throw_away_home() as home:
        one = talk(("customer", BUYS))
        first = asyncio.run(Desk(home, Ears()).decide(one))
        second = asyncio.run(Desk(home, Ears()).decide(one))
        assert (first.decision, second.decision) == (Step.HANDOFF, Step.STAY)
        assert not second.bot_may_speak
        assert asyncio.run(decisions(home)) == ["handoff", "stay"]


def test_what_changed_while_hearing_counts() -> None:
    with throw_away_home() as home:
        desk = Desk(home, Ears([Desk(home, Ears())]))
        assert asyncio.run(desk.decide(talk(("customer", BUYS)))).decision is Step.STAY
        assert asyncio.run(decisions(home)) == ["handoff", "stay"]


def test_an_outage_brings_a_person_and_claims_nothing() -> None:
    with throw_away_home() as home:
        found = asyncio.run(Desk(home, Ears(problem=Temporary("down"))).decide(talk(("customer", BUYS))))
        assert (found.decision, found.degraded, found.intents) == (Step.ASK_PERSON, "reader:down", ())


def test_a_line_that_is_no_talk_is_named_without_its_text() -> None:
    with pytest.raises(BadInput, match="line 3") as caught:
        talk_of(b'{"conversation_id": "secret words", "messages": []}', "line 3")
    assert "secret words" not in str(caught.value)
