"""Approvals in Slack over a real home: who may decide does, once; nobody else does; the message follows."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from domain.approval import Approval, ApprovalState, VoteKind
from domain.errors import Refused, Temporary
from domain.instants import HOUR, SECOND, Instant
from domain.ports.home import Home
from surfaces.api import problems
from surfaces.asking import LATER, LONGEST_S, STRANGER, Asking
from surfaces.dispatcher import Dispatcher
from surfaces.webhooks.slack import slack_router
from tests.surfaces.cli.acting_world import World, a_hot_lead
from tests.tools.chat.fake_slack import FakeSlack
from tests.tools.chat.slack_world import Workspace, pressed, signed
from tests.tools.crm.worlds import FixedClock
from tests.tools.vendor_server import cut, instead, vanished

PRESSES = 200
US = frozenset({"us"})
"""The region of the lead."""


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a deal of 120,000 waits for two people."""
    root = tmp_path_factory.mktemp("waiting")
    World(root, cast(Any, None)).works(*a_hot_lead(120_000))
    return root


@dataclass
class Floor:
    """A home, a chat in which it asks, and the door of the chat."""

    home: Home
    space: Workspace
    asking: Asking
    world: World
    name: str
    """The id of the one question."""

    @property
    def fake(self) -> FakeSlack:
        return cast(FakeSlack, self.space.fake)

    def press(self, *users: str, button: int = 0, **choices: Any) -> list[int]:
        """Press at once; the statuses, once everything that follows is done."""
        body = [pressed(self.fake.buttons()[button], user) for user in users]
        return asyncio.run(self.post(body, **choices))

    async def post(self, bodies: list[bytes], **choices: Any) -> list[int]:
        """Send what was pressed."""
        app = FastAPI()
        problems.install(app)
        app.include_router(slack_router(self.asking))
        at = self.home.clock.now() / SECOND
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            sent = [
                client.post("/v1/slack/interactions", content=one, headers=signed(one, at, **choices))
                for one in bodies
            ]
            answers = await asyncio.gather(*sent)
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.gather(*others)
        return [answer.status_code for answer in answers]

    def look(self) -> None:
        """One pass over what is open."""
        asyncio.run(self.asking.one_pass())

    def wait(self, seconds: float) -> None:
        """Time passes, here and at Slack; then one pass."""
        clock: Any = self.home.clock
        clock.advance(Instant(clock.now() + round(seconds * SECOND)))
        self.space.wait(seconds)
        self.look()

    def approval(self) -> Approval:
        """The one question, as it stands."""
        found = asyncio.run(self.home.approvals.get(self.home.tenant, self.name))
        assert found is not None
        return found


@pytest.fixture
def floor(waiting: Path, tmp_path: Path) -> Iterator[Floor]:
    """The question was posted."""
    root = tmp_path / "copy"
    shutil.copytree(waiting, root)
    world = World(root, cast(Any, None))
    with world.home() as home:
        space = Workspace(tmp_path, FixedClock(home.clock.now()))
        (approval,) = asyncio.run(home.approvals.open(home.tenant))
        made = Floor(home, space, Asking(home, space.chat, US), world, approval.approval_id)
        made.look()
        yield made
        assert space.fake.broken == []


def test_a_question_shows_what_would_be_written_and_why(floor: Floor) -> None:
    floor.look()
    (message,) = floor.fake.messages
    assert {"create_task", "assign_owner"} <= {line.rstrip(":") for line in floor.fake.text().splitlines()}
    assert "Why:" in floor.fake.text()
    assert "0 of 2 people have approved" in floor.fake.text()
    assert floor.approval().proposal_hash in floor.fake.buttons()[0]["value"]
    assert message["channel"] == "C0SALES"


def test_two_people_approve_each_once_however_often_it_is_delivered_and_it_goes_out_once(
    floor: Floor,
) -> None:
    """Two hundred presses, all at a time: one vote each, and one update of the message or few."""
    assert floor.press("U1", "U1", "U1") == [200] * 3
    assert [vote.by for vote in floor.approval().votes] == ["ann"]
    assert "1 of 2 people have approved" in floor.fake.text()
    before = len(floor.fake.whispers)
    assert floor.press(*["U2", "U1"] * (PRESSES // 2)) == [200] * PRESSES
    assert floor.approval().state is ApprovalState.APPROVED
    assert [vote.by for vote in floor.approval().votes] == ["ann", "bob"]
    assert len(floor.fake.whispers) - before == PRESSES - 1
    assert ("Approved by ann, bob." in floor.fake.text(), floor.fake.buttons()) == (True, [])
    asyncio.run(Dispatcher(floor.home, floor.home.targets).drain())
    assert floor.world.sent().count("create_task") == 1


def test_somebody_whom_we_do_not_know_decides_nothing_and_is_told(floor: Floor) -> None:
    assert floor.press("U9", button=1) == [200]
    assert (floor.approval().state, floor.approval().votes) == (ApprovalState.OPEN, ())
    assert [user for user, _ in floor.fake.whispers] == ["U9"]
    assert floor.fake.whispers[0][1].split()[:3] == STRANGER.split()[:3]


def test_a_press_that_is_not_signed_decides_nothing(floor: Floor) -> None:
    assert floor.press("U1", secret="not-the-secret-of-slack") == [401]
    assert (floor.approval().votes, floor.fake.whispers) == ((), [])


def test_one_rejection_ends_it_and_who_comes_late_is_told(floor: Floor) -> None:
    late = dict(floor.fake.buttons()[0])
    assert floor.press("U2", button=1) == [200]
    assert floor.approval().state is ApprovalState.REJECTED
    assert "Rejected by bob." in floor.fake.text()
    asyncio.run(floor.post([pressed(late)]))
    assert "decided already" in floor.fake.whispers[0][1]
    assert floor.approval().state is ApprovalState.REJECTED


def test_a_button_with_the_hash_of_something_else_decides_nothing(floor: Floor) -> None:
    button = dict(floor.fake.buttons()[0])
    name, _, _ = button["value"].partition("|")
    asyncio.run(floor.post([pressed({**button, "value": f"{name}|{'0' * 64}"})]))
    assert floor.approval().votes == ()
    assert "has changed" in floor.fake.whispers[0][1]


def test_the_message_follows_what_is_decided_elsewhere_or_by_nobody(floor: Floor) -> None:
    found = floor.approval()
    said = {"proposal_hash": found.proposal_hash, "policy": floor.home.policy.version}
    now = floor.home.clock.now()
    vote = floor.home.approvals.vote(
        floor.home.tenant, floor.name, kind=VoteKind.APPROVE, by="cleo", now=now, **said
    )
    asyncio.run(vote)
    floor.look()
    assert "1 of 2 people have approved" in floor.fake.text()
    asyncio.run(floor.home.approvals.expire(now=now + 90 * 24 * HOUR))
    floor.look()
    assert ("Nobody decided in time" in floor.fake.text(), floor.fake.buttons()) == (True, [])
    assert len(floor.fake.messages) == 1


def test_what_no_longer_holds_is_not_approved_and_whoever_presses_is_told(floor: Floor) -> None:
    class Other:
        version = "other tables"

        def __getattr__(self, name: str) -> Any:
            return getattr(floor.home.policy, name)

    floor.asking = Asking(replace(floor.home, policy=cast(Any, Other())), floor.space.chat, US)
    assert floor.press("U1") == [200]
    assert (floor.approval().state, floor.approval().votes) == (ApprovalState.REDECIDED, ())
    assert "no longer holds" in floor.fake.whispers[0][1]
    assert ("decided anew" in floor.fake.text(), floor.fake.buttons()) == (True, [])


def test_a_chat_of_one_region_neither_asks_nor_answers_about_another(floor: Floor) -> None:
    """Without a word the region is the home's own; a message of before loses its buttons."""
    floor.asking = Asking(floor.home, floor.space.chat)
    assert floor.asking.regions == {"eu"}
    assert floor.press("U1") == [200]
    assert floor.approval().votes == ()
    assert "no such question" in floor.fake.whispers[0][1]
    floor.look()
    assert ("not asked here" in floor.fake.text(), floor.fake.buttons()) == (True, [])
    assert "create_task" not in floor.fake.text()


def previews(floor: Floor) -> list[int]:
    """Of what the CRM is asked from now on, in its one item."""
    asked = [0]

    class Counted:
        def __init__(self, target: Any) -> None:
            self._target = target

        def __getattr__(self, name: str) -> Any:
            return getattr(self._target, name)

        async def preview(self, *given: Any) -> Any:
            asked[0] += 1
            return await self._target.preview(*given)

    targets = {kind: cast(Any, Counted(target)) for kind, target in floor.home.targets.items()}
    floor.asking = Asking(replace(floor.home, targets=targets), floor.space.chat, US)
    return asked


def test_a_channel_that_is_gone_is_asked_ever_more_rarely_and_burns_no_calls_of_the_crm(floor: Floor) -> None:
    """At first after seconds, then after minutes; once it is back the question stands in it."""

    class Gone:
        gone = True

        def __getattr__(self, name: str) -> Any:
            return getattr(floor.space.chat, name)

        async def show(self, question: Any) -> bool:
            if self.gone:
                raise Refused("slack: the channel or message is not there", "gone")
            return await floor.space.chat.show(question)

    asked, chat = previews(floor), Gone()
    floor.asking.chat = cast(Any, chat)
    floor.look()
    once = asked[0]
    floor.look()
    assert asked[0] == once > 0
    for _ in range(100):
        floor.wait(2)
    assert asked[0] <= 8 * once
    chat.gone = False
    floor.wait(LONGEST_S)
    assert "0 of 2 people have approved" in floor.fake.text()


def test_a_question_whose_posting_was_lost_is_asked_in_the_end_and_once(
    waiting: Path, tmp_path: Path
) -> None:
    """Slack took it, or not: nothing was heard, so it is looked for before it is posted again."""
    root = tmp_path / "copy"
    shutil.copytree(waiting, root)
    world = World(root, cast(Any, None))
    with world.home() as home:
        for number, fault in enumerate((cut, vanished)):
            (folder := tmp_path / str(number)).mkdir()
            space = Workspace(folder, FixedClock(home.clock.now()))
            space.wire.plan.append(fault)
            floor = Floor(home, space, Asking(home, space.chat, US), world, "")
            floor.look()
            for _ in range(8):
                floor.wait(30)
            assert len(space.fake.messages) == 1, number
            assert len(space.fake.buttons()) == 2
            assert space.fake.broken == []


def test_what_a_target_cannot_tell_now_is_not_approved_by_a_button_until_it_can(
    waiting: Path, tmp_path: Path
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(waiting, root)
    world = World(root, cast(Any, None))
    with world.home() as home:

        class Away:
            away = True

            def __init__(self, target: Any) -> None:
                self._target = target

            def __getattr__(self, name: str) -> Any:
                return getattr(self._target, name)

            async def preview(self, *given: Any) -> Any:
                if Away.away:
                    raise Temporary("down")
                return await self._target.preview(*given)

        targets = {kind: cast(Any, Away(target)) for kind, target in home.targets.items()}
        space = Workspace(tmp_path, FixedClock(home.clock.now()))
        asking = Asking(replace(home, targets=targets), space.chat, US)
        floor = Floor(home, space, asking, world, "")
        floor.look()
        assert [one["text"]["text"] for one in space.fake.buttons()] == ["Reject"]
        Away.away = False
        floor.wait(3)
        assert [one["text"]["text"] for one in space.fake.buttons()] == ["Approve", "Reject"]
        assert len(space.fake.messages) == 1


def test_a_slack_that_is_away_costs_no_vote_and_is_caught_up_with(floor: Floor) -> None:
    floor.space.wire.plan.append(instead(503))
    assert floor.press("U1") == [200]
    assert [vote.by for vote in floor.approval().votes] == ["ann"]
    assert "0 of 2 people have approved" in floor.fake.text()
    floor.look()
    assert "1 of 2 people have approved" in floor.fake.text()


def test_a_vote_that_cannot_be_kept_is_told_and_can_be_given_again(floor: Floor) -> None:
    class Busy:
        def __getattr__(self, name: str) -> Any:
            return getattr(floor.home.approvals, name)

        async def vote(self, *_: Any, **__: Any) -> Approval:
            raise Temporary("busy")

    busy = replace(floor.home, approvals=cast(Any, Busy()))
    real, floor.asking = floor.asking, Asking(busy, floor.space.chat, US)
    floor.press("U1")
    assert floor.fake.whispers[0][1].split()[:3] == LATER.split()[:3]
    floor.asking = real
    floor.press("U1")
    assert [vote.by for vote in floor.approval().votes] == ["ann"]


def test_slack_is_answered_in_time_and_a_slow_vote_still_counts(floor: Floor) -> None:
    async def slowly() -> int:
        gate = asyncio.Event()

        class Slow:
            def __getattr__(self, name: str) -> Any:
                return getattr(floor.home.approvals, name)

            async def vote(self, *given: Any, **said: Any) -> Approval:
                await gate.wait()
                return await floor.home.approvals.vote(*given, **said)

        asking = Asking(replace(floor.home, approvals=cast(Any, Slow())), floor.space.chat, US)
        app = FastAPI()
        app.include_router(slack_router(asking, answer_s=0.01))
        body, at = pressed(floor.fake.buttons()[0]), floor.home.clock.now() / SECOND
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            answer = await client.post("/v1/slack/interactions", content=body, headers=signed(body, at))
            before = await floor.home.approvals.get(floor.home.tenant, floor.name)
            assert before is not None
            assert before.votes == ()
            gate.set()
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.gather(*others)
        return answer.status_code

    assert asyncio.run(slowly()) == 200
    assert [vote.by for vote in floor.approval().votes] == ["ann"]
    assert "1 of 2 people have approved" in floor.fake.text()
