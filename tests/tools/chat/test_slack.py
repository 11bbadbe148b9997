"""Slack: a question is one message, a notice is posted once, a press is proven, and no text does anything."""

import json
import random
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from domain.action import ActionKind, ActionState
from domain.approval import VoteKind
from domain.effect import Step, StepKind
from domain.errors import BadInput, OutcomeUnknown, Refused, Temporary, Throttled, Unauthorized
from domain.instants import SECOND
from domain.ports.chat import Challenge, Pressed, Question
from domain.ports.receivers import Delivery, NotSetUp, Unproven
from domain.ports.target import Subject
from tests.agents import performing
from tests.agents.performing import LEAD_ID
from tests.tools.chat.fake_slack import TOKEN
from tests.tools.chat.slack_world import PEOPLE, Workspace, delivery, pressed
from tests.tools.crm.faulty import MemoryTarget
from tests.tools.crm.test_vendor_faults import LOST, Tokens, until_over
from tests.tools.crm.worlds import LEAD, TENANT
from tests.tools.sources.specs import sample
from tests.tools.vendor_server import Fault, after, cut, instead, vanished
from tools.chat.questions import Questions

SUBJECT = Subject(TENANT, LEAD)
TOLD = Step(StepKind.NOTIFY, {"next_step": "Call <https://x.example|now> @channel", "queue": "sales"})
HASH = "ab" * 32
ASKED = Question("ap_1", HASH, open=True, head="May this be done?", standing="0 of 1", writes=["owner: x"])
ENDED = replace(ASKED, open=False, standing="Approved by ann.", writes=[])
MANY = 200


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    """In the end nothing was asked that Slack does not allow."""
    space = Workspace(tmp_path)
    yield space
    assert space.fake.broken == []


async def test_a_question_is_one_message_that_is_kept_up_to_date(space: Workspace) -> None:
    await space.chat.show(ASKED)
    await space.chat.show(ASKED)
    assert [one["value"] for one in space.fake.buttons()] == [f"ap_1|{HASH}|whole"] * 2
    assert await space.chat.showing() == ["ap_1"]
    await space.chat.show(ENDED)
    assert (len(space.fake.messages), space.fake.buttons(), await space.chat.showing()) == (1, [], [])
    assert "Approved by ann." in space.fake.text()
    await space.chat.show(replace(ENDED, approval_id="ap_2"))
    assert len(space.fake.messages) == 1, "what has ended is not asked any more"


@pytest.mark.parametrize(
    ("writes", "whole", "buttons"),
    [
        (["note: " + "x" * 2_000], True, ["Approve", "Reject"]),
        ([f"field {n}: {'x' * 60}" for n in range(100)], True, ["Approve", "Reject"]),
        (["note: " + "x" * 3_000], True, ["Reject"]),
        (["note: " + "&" * 800], True, ["Reject"]),
        ([f"field {n}: {'x' * 250}" for n in range(40)], True, ["Reject"]),
        (["owner: x"], False, ["Reject"]),
    ],
)
async def test_only_what_is_shown_whole_can_be_approved_by_a_button(
    space: Workspace, writes: list[str], buttons: list[str], *, whole: bool
) -> None:
    """What takes too much room, or cannot be asked now, is approved elsewhere: the message says where."""
    await space.chat.show(replace(ASKED, writes=writes, whole=whole))
    assert [one["text"]["text"] for one in space.fake.buttons()] == buttons
    assert ("leadgraph approvals show ap_1" in space.fake.text()) is (buttons == ["Reject"])
    assert buttons == ["Reject"] or all(line in space.fake.text() for line in writes)


async def test_a_button_of_a_message_that_hid_something_approves_nothing(space: Workspace) -> None:
    """As earlier versions made them: the press is about no hash, so it is refused and told."""
    await space.chat.show(ASKED)
    approve, reject = ({**one, "value": f"ap_1|{HASH}"} for one in space.fake.buttons())
    said = [space.chat.read(delivery(pressed(one), 0)) for one in (approve, reject)]
    assert [(one.kind, one.proposal_hash) for one in said if isinstance(one, Pressed)] == [
        (VoteKind.APPROVE, ""), (VoteKind.REJECT, HASH),
    ]  # fmt: skip


async def test_a_restart_knows_the_message_of_a_question(space: Workspace, tmp_path: Path) -> None:
    await space.chat.show(ASKED)
    again = Workspace(tmp_path, space.clock, space.wire)
    await again.chat.show(ENDED)
    assert (len(space.fake.messages), space.fake.buttons()) == (1, [])


async def test_a_message_that_somebody_deleted_is_let_be(space: Workspace) -> None:
    await space.chat.show(ASKED)
    space.fake.messages.clear()
    await space.chat.show(ENDED)
    assert (space.fake.messages, await space.chat.showing()) == ([], [])


async def test_two_hundred_questions_whose_answers_are_lost_are_two_hundred_messages(
    space: Workspace,
) -> None:
    seed = random.Random(3)
    for number in range(MANY):
        space.wire.plan = deque(
            seed.choices((*LOST, instead(429, retry_after="2"), None), k=seed.randrange(1, 4))
        )
        for _ in range(6):
            with suppress(OutcomeUnknown, Temporary):
                await space.chat.show(replace(ASKED, approval_id=f"ap_{number}"))
            space.wait(61)
    assert len(space.fake.ledger) == len(set(space.fake.ledger)) == MANY


async def test_another_process_that_posts_right_now_is_waited_for(space: Workspace, tmp_path: Path) -> None:
    space.wire.plan = deque([vanished])
    with pytest.raises(OutcomeUnknown):
        await space.chat.show(ASKED)
    beside = Workspace(tmp_path, space.clock, space.wire)
    await beside.chat.show(ASKED)
    assert space.fake.messages == []
    space.wait(61)
    await beside.chat.show(ASKED)
    assert len(space.fake.messages) == 1


async def test_two_hundred_notices_whose_answers_are_lost_are_two_hundred_messages(tmp_path: Path) -> None:
    space, seed = Workspace(tmp_path, tenant="t"), random.Random(9)
    space.fake.page = 50
    for number in range(MANY):
        row = performing.action(ActionKind.NOTIFY)
        steps = tuple(replace(one, key=f"{LEAD_ID}/notify/{number}") for one in row.steps)
        targets = {StepKind.NOTIFY: space.account.target}
        bench = performing.Bench(replace(row, steps=steps), MemoryTarget(), targets=targets)
        space.wire.plan = deque(seed.choices(LOST, k=seed.randrange(1, 3)))
        assert await until_over(bench, space.account) is ActionState.DONE
    wanted = {(f"{LEAD_ID}/notify/{number}", StepKind.NOTIFY): 1 for number in range(MANY)}
    assert Counter(space.account.ledger()) == wanted


async def test_no_text_becomes_a_link_or_a_mention(space: Workspace) -> None:
    await space.account.target.send(TOLD, SUBJECT, key="k1")
    hostile = (
        "<!channel> <@U9> see http://evil.example/a or www.evil.example, ann@evil.example @here "
        + "x" * 9_000
    )
    await space.chat.show(replace(ASKED, writes=[hostile] * 90, why=[hostile]))
    for number in (0, 1):
        shown, words = space.fake.text(number), space.fake.messages[number]["text"]
        assert not any(sign in shown for sign in ("<", "://", "www.evil", "@evil", "@here", "@channel"))
        assert "evil" not in words
        assert (space.fake.messages[number]["parse"], space.fake.messages[number]["unfurl_links"]) == (
            "none",
            False,
        )
    assert "more" in space.fake.text(1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [(instead(200, {"ok": False, "error": "channel_not_found", "needed": "secret"}), Refused),
     (instead(200, {"ok": False, "error": "missing_scope"}), Refused),
     (instead(200, {"ok": False, "error": "invalid_auth"}), Unauthorized),
     (instead(200, {"ok": False, "error": "ratelimited"}), Temporary),
     (instead(200, {"ok": False, "error": "internal_error"}), OutcomeUnknown),
     (instead(200, {"ok": True}), OutcomeUnknown), (instead(200, []), OutcomeUnknown),
     (instead(429, retry_after="7"), Throttled), (after(500), OutcomeUnknown), (cut, OutcomeUnknown)],
)  # fmt: skip
async def test_what_an_answer_means(space: Workspace, fault: Fault, error: type[Exception]) -> None:
    space.wire.plan = deque([fault] * 2)
    with pytest.raises(error) as raised:
        await space.account.target.send(TOLD, SUBJECT, key="k1")
    assert "secret" not in str(raised.value)
    assert TOKEN not in str(raised.value)


async def test_a_token_that_has_expired_is_renewed_once(tmp_path: Path) -> None:
    tokens = Tokens("old", TOKEN)
    space = Workspace(tmp_path, renew=tokens)
    await space.chat.show(ASKED)
    assert (tokens.asked, len(space.fake.messages)) == (2, 1)


async def test_a_preview_shows_the_exact_message_and_posts_none(space: Workspace) -> None:
    changes = await space.account.target.preview([TOLD], SUBJECT)
    assert [one.after.startswith("POST /api/chat.postMessage {") for one in changes] == [False, True]
    assert space.fake.messages == []


async def test_what_the_app_may_not_do_is_named(space: Workspace) -> None:
    assert await space.account.check() == []
    space.wire.reads = deque([None, instead(200, {"ok": False, "error": "not_in_channel"})])
    assert "invite the app" in (await space.account.check())[0]


def test_a_press_that_slack_signed_is_read(space: Workspace) -> None:
    at = space.clock.now() / SECOND
    button = {"action_id": "leadgraph_reject", "value": f"ap_1|{HASH}"}
    body = pressed(button, "U2")
    found = delivery(body, at)
    space.chat.verify(found, now=space.clock.now())
    assert space.chat.read(found) == Pressed("ap_1", HASH, VoteKind.REJECT, "U2")
    assert (space.chat.person("U2"), space.chat.person("U9")) == ("bob", None)
    assert space.chat.read(delivery(pressed(button, team="T2"), at)) is None
    assert space.chat.read(delivery(pressed({**button, "action_id": "other"}), at)) is None
    hello = b'{"type":"url_verification","challenge":"3eZb"}'
    assert space.chat.read(delivery(hello, at, kind="application/json")) == Challenge("3eZb")
    with pytest.raises(BadInput):
        space.chat.read(delivery(b"payload=%7B", at))


def test_what_slack_did_not_sign_within_five_minutes_is_refused(space: Workspace) -> None:
    at, body = space.clock.now() / SECOND, b"payload=%7B%7D"
    good = delivery(body, at)
    for wrong in (
        delivery(body, at - 301),
        delivery(body, at + 301),
        delivery(body, at, secret="x" * 32),
        delivery(body, at, secret=""),
        replace(good, body=body + b" "),
        Delivery({name: value for name, value in good.headers.items() if "signature" not in name}, body),
        Delivery({name: value for name, value in good.headers.items() if "timestamp" not in name}, body),
        Delivery({**good.headers, "x-slack-signature": good.headers["x-slack-signature"][3:]}, body),
    ):
        with pytest.raises(Unproven):
            space.chat.verify(wrong, now=space.clock.now())
    space.chat.verify(good, now=space.clock.now())


def test_without_a_secret_nothing_is_let_in(space: Workspace) -> None:
    bare = Questions(space.slack, space.sent, space.clock, PEOPLE)
    with pytest.raises(NotSetUp):
        bare.verify(delivery(b"", space.clock.now() / SECOND, secret=""), now=space.clock.now())


def test_the_published_vector_verifies(space: Workspace, data_dir: Path) -> None:
    vector = json.loads(sample(data_dir, "slack", "signature_vector.json"))
    sent = {
        "x-slack-request-timestamp": vector["timestamp"],
        "x-slack-signature": vector["signature"],
        "content-type": "application/x-www-form-urlencoded",
    }
    space.chat.verify(Delivery(sent, vector["body"].encode()), now=int(vector["timestamp"]) * SECOND)
