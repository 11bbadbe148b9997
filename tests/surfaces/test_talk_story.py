"""A talk's story, as the log and the sealed record tell it."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from domain.action import ActionState
from domain.handoff import Heard
from domain.intent import Slot
from domain.mood import Mood, Sentiment, Urgency
from domain.ports.home import Home
from surfaces.audit_story import Story, tell
from tests.agents.test_handoff import BUYS, talk
from tests.surfaces.talk_world import HEARD, Ears, desk, open_talks, sent
from tests.surfaces.talk_world import tell as signal

FELT: Heard = replace(
    HEARD,
    slots=(Slot("seats", "50", "m1", 21, 29),),
    mood=Mood(Sentiment.NEGATIVE, 800, Urgency.HIGH, "blocked"),
)


async def _decided_twice(home: Home) -> dict[str, Any]:
    one = talk(("agent", "Hello."), ("customer", BUYS))
    first = await desk(home, Ears(heard=FELT)).decide(one)
    await sent(home)
    await desk(home, Ears(heard=FELT)).decide(one)
    story = await tell(home, first.run_id)
    assert story is not None
    return story.document()


async def _forgotten(home: Home) -> Story | None:
    await signal(home, "crm.privacy_delete")
    answer = await desk(home, Ears(heard=FELT)).decide(talk(("customer", BUYS)))
    return await tell(home, f"{answer.run_id}_1")


def test_a_talk_tells_what_was_heard_the_rule_the_answer_the_action_and_its_receipt(
    tmp_path: Path,
) -> None:
    with open_talks(tmp_path) as home:
        told = asyncio.run(_decided_twice(home))
    opening, silence = told["talk"]
    assert [(one["id"], one["evidence"], one["text"]) for one in opening["messages"]] == [
        ("m0", False, None),
        ("m1", True, BUYS),
    ]
    assert (opening["heard"]["sentiment"], opening["heard"]["urgency"]) == ("negative", "high")
    assert opening["heard"]["facts"][0] == {
        "name": "seats", "value": "50", "ref": "m1", "start": 21, "end": 29
    }  # fmt: skip
    assert opening["situation"]["policy"] == home.policy.version
    assert (opening["answer"]["decision"], opening["answer"]["why"]) == ("handoff", "buying")
    (action,) = opening["actions"]
    assert action["state"] == ActionState.DONE.value
    assert all(step["ref"] for step in action["steps"])
    assert (silence["decision"], silence["answer"]["why"], silence["actions"]) == ("stay", "with_person", [])
    assert {one["step"] for one in told["transitions"]} >= {"handoff", "deliver"}


def test_a_forgotten_talk_tells_its_codes_and_no_word(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        story = asyncio.run(_forgotten(home))
    assert story is not None
    (turn,) = story.talk
    assert (turn.code, turn.seal, turn.record) == ("ask_person", "none", None)
    assert BUYS not in repr(story.document())
