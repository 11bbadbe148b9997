"""The word to a customer: once, without a trace of ours in it, and never where a person has the conversation."""

import html
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.action import ActionKind, ActionState
from domain.effect import LEFT, StepKind
from domain.errors import OutcomeUnknown, Refused
from domain.instants import HOUR, instant, iso
from tests.agents import performing
from tests.tools.crm.faulty import MemoryTarget
from tests.tools.crm.test_vendor_faults import LOST, until_over
from tests.tools.desk import conftest
from tests.tools.desk.beside import ANN, HEARD, OPEN, SENTENCE, TELL, Desk, a_desk
from tests.tools.desk.fake_chatwoot import LATEST
from tests.tools.vendor_server import cut, instead, vanished

MANY = 67


@pytest.fixture(params=OPEN)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """In the end nothing was asked that the desk does not allow."""
    desk = a_desk(request.param, tmp_path)
    yield desk
    assert desk.account.fake.broken == []


async def test_the_customer_reads_the_sentence_once_and_nothing_of_ours(desk: Desk) -> None:
    target = desk.account.target
    (shown, *_) = await target.preview([TELL], desk.subject)
    assert (shown.field, shown.after) == ("message", SENTENCE)
    receipt = await target.send(TELL, desk.subject, key="k1")
    assert await target.send(TELL, desk.subject, key="k1") == receipt
    assert await target.find("k1") == receipt
    assert await target.send(TELL, desk.subject, key="k2") == receipt  # nothing was heard since
    (told,) = desk.account.fake.told()
    assert SENTENCE in html.unescape(told)
    assert (await target.look(desk.subject)).human_touch_at is None


async def test_a_lost_answer_is_looked_up_behind_what_others_write(desk: Desk) -> None:
    desk.account.wire.plan = deque([cut])
    with pytest.raises(OutcomeUnknown):
        await desk.account.target.send(TELL, desk.subject, key="k1")
    desk.ann_writes(HEARD + 90)
    assert await desk.account.target.find("k1") is not None
    receipt = await desk.account.target.send(TELL, desk.subject, key="k1")
    assert LEFT not in receipt.before
    assert len(desk.account.fake.told()) == 1


@pytest.mark.parametrize("desk", ["chatwoot"], indirect=True)
async def test_what_was_written_long_before_the_newest_messages_is_found(desk: Desk) -> None:
    def others(at: int) -> None:
        for _ in range(2 * LATEST + 1):
            desk.account.fake.say(42, "Hello?", sender={"id": 1, "type": "contact"}, at=at)

    desk.ann_writes(HEARD - 600)
    others(HEARD - 500)
    receipt = await desk.account.target.send(TELL, desk.subject, key="k1")
    others(HEARD + 100)
    assert await desk.account.target.send(TELL, desk.subject, key="k2") == receipt
    assert len(desk.account.fake.told()) == 1
    later = replace(TELL, params={**TELL.params, "heard": "2023-11-14T22:15:00.000Z"})
    desk.ann_writes(HEARD + 110)
    others(HEARD + 120)
    assert (await desk.account.target.send(later, desk.subject, key="k3")).before == {LEFT: "human_touch"}


WAYS: dict[str, Callable[[Desk], None]] = {
    "owner_changed": lambda desk: desk.give(ANN),
    "human_touch": lambda desk: desk.ann_writes(HEARD + 30),
    "closed": Desk.closes,
}


@pytest.mark.parametrize("why", WAYS)
async def test_nothing_is_said_where_a_person_has_it(desk: Desk, why: str) -> None:
    WAYS[why](desk)
    for key in ("k1", "k1", "k2"):
        receipt = await desk.account.target.send(TELL, desk.subject, key=key)
        assert receipt.before == {LEFT: why}
    assert desk.account.fake.told() == []


async def test_who_got_it_from_us_and_who_stood_there_before_are_no_news(desk: Desk) -> None:
    desk.ann_writes(HEARD - 600)
    desk.give(31)
    await desk.account.target.send(TELL, desk.subject, key="k1")
    assert len(desk.account.fake.told()) == 1
    desk.account.fake.now += 3_600
    desk.give(ANN)
    later = replace(TELL, params={**TELL.params, "held": "r2", "heard": "2023-11-14T22:40:00.000Z"})
    await desk.account.target.send(later, desk.subject, key="k2")
    assert len(desk.account.fake.told()) == 2


async def test_a_word_that_does_not_say_what_was_heard_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        await desk.account.target.send(
            replace(TELL, params={"tell": SENTENCE, "heard": "soon"}), desk.subject, key="k"
        )
    assert refused.value.code == "invalid"


@pytest.mark.parametrize("name", OPEN)
async def test_two_hundred_lost_answers_tell_each_customer_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged by the desk: one sentence for each decision, however often it cannot be known if it was said.

    Of three answers that are lost two are to what was never done: once it was, it is found.
    """
    desk, seed = a_desk(name, tmp_path, tenant="t"), random.Random(3)
    monkeypatch.setattr(performing, "KEYS", desk.subject.keys)
    targets = dict.fromkeys(desk.account.target.takes, desk.account.target)
    for number in range(MANY):
        desk.account.fake.now = HEARD + 60 * number
        desk.account.wire.plan = deque([*seed.choices((vanished, instead(503)), k=2), seed.choice(LOST)])
        heard = iso(instant(datetime.fromtimestamp(HEARD + 60 * number - 1, UTC)))
        now = performing.NOW + number * HOUR
        row = performing.action(ActionKind.HANDOFF, at=now, params={**TELL.params, "heard": heard})
        steps = [one for one in row.steps if one.step.kind is StepKind.TELL_CUSTOMER]
        row = replace(row, steps=tuple(replace(one, key=f"{performing.LEAD_ID}/{number}") for one in steps))
        bench = performing.Bench(row, MemoryTarget(), targets=targets, now=now)
        assert await until_over(bench, desk.account) is ActionState.DONE
        assert (len(desk.account.fake.told()), len(desk.account.wire.plan)) == (1, 0), number
        del desk.messages[1:]
    assert desk.account.fake.broken == []


async def test_a_desk_that_refuses_the_word_keeps_the_handing_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = a_desk("chatwoot", tmp_path, tenant="t")
    monkeypatch.setattr(performing, "KEYS", desk.subject.keys)
    params = {**TELL.params, "queue": "sales", "without": "create_task notify add_note"}
    targets = dict.fromkeys(desk.account.target.takes, desk.account.target)
    row = performing.action(ActionKind.HANDOFF, params=params)
    bench = performing.Bench(row, MemoryTarget(), targets=targets)
    desk.account.wire.plan = deque([None] * 4 + [instead(403)])
    assert await until_over(bench, desk.account) is ActionState.DONE
    assert (desk.owner, desk.talk.team, desk.account.fake.told()) == (31, 7, [])
    assert [entry.code for entry in bench.entries][-1] == "step:tell_customer:left"
    assert bench.entries[-1].detail["reason"] == "forbidden"


@pytest.mark.parametrize(("name", "us"), [("chatwoot", "30"), ("intercom", "900"), ("zendesk", "900")])
async def test_a_rep_as_whom_we_would_write_is_named(
    name: str, us: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What that person writes would be taken for ours."""
    said = "people: rep r1 is our own user; Leadgraph needs one of its own"
    assert said not in await OPEN[name](tmp_path / "before").check()
    monkeypatch.setattr(conftest, "MAP", replace(conftest.MAP, people={"r1": us}))
    assert said in await OPEN[name](tmp_path / "after").check()
