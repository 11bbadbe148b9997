"""CRMs of vendors that fail: one effect each by the account's own ledger (I2), and what each answer means."""

import random
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from domain.action import ActionKind, ActionState, Move, moved
from domain.effect import StepKind
from domain.errors import OutcomeUnknown, Refused, Temporary, Throttled, Unauthorized
from domain.ids import LeadId
from domain.ports.target import Subject
from domain.signal import KeyKind, LeadKey
from tests.agents.performing import LEAD_ID, Bench, action
from tests.tools.crm.faulty import MemoryTarget
from tests.tools.crm.vendor_worlds import VENDORS, Account
from tests.tools.crm.worlds import OTHER, SCORE, SUBJECT, TASK, TENANT, FixedClock
from tests.tools.vendor_server import Fault, Wire, after, cut, instead, vanished

MANY = 200
LOST: tuple[Fault, ...] = (after(500), after(502), cut, vanished, instead(503), after(504))
KINDS = (ActionKind.ASSIGN_OWNER, ActionKind.UPSERT_SCORE, ActionKind.UPSERT_SCORE, ActionKind.CREATE_TASK)
EACH = pytest.mark.parametrize("vendor", list(VENDORS))


class Clocked(Protocol):
    """Whatever has a clock to set."""

    @property
    def clock(self) -> FixedClock: ...


async def until_over(bench: Bench, account: Clocked) -> ActionState:
    """Attempts until the action has ended, with one clock for all."""
    for _ in range(30):
        account.clock.at = bench.now  # type: ignore[assignment]  # an instant
        await bench.attempt()
        if bench.row.state not in (ActionState.SENDING, ActionState.UNDOING):
            return bench.row.state
    raise AssertionError(f"not over: {bench.row}")


def bench_of(account: Account, kind: ActionKind, number: int) -> Bench:
    """The `number`th action of `kind`, under keys of its own."""
    row = action(kind)
    steps = tuple(replace(one, key=f"{LEAD_ID}/{kind.value}/{number}/{n}") for n, one in enumerate(row.steps))
    targets = dict.fromkeys(account.target.takes, account.target)
    return Bench(replace(row, steps=steps), MemoryTarget(), targets=targets)


@EACH
async def test_two_hundred_lost_answers_are_two_hundred_effects(tmp_path: Path, vendor: str) -> None:
    account, seed = VENDORS[vendor](tmp_path, tenant="t"), random.Random(7)
    await until_over(bench_of(account, ActionKind.UPSERT_SCORE, MANY), account)
    account.fake.ledger.clear()
    wanted: Counter[str] = Counter()
    for number in range(MANY):
        account.wire.plan = deque(seed.choices(LOST, k=seed.randrange(1, 3)))
        bench = bench_of(account, KINDS[number % len(KINDS)], number)
        assert await until_over(bench, account) is ActionState.DONE
        wanted.update(one.key for one in bench.row.steps)
    assert Counter(key for key, _ in account.ledger()) == wanted
    assert set(wanted.values()) == {1}
    assert account.fake.broken == []


@EACH
async def test_an_undo_whose_answer_is_lost_happens_once(tmp_path: Path, vendor: str) -> None:
    account, seed = VENDORS[vendor](tmp_path, tenant="t"), random.Random(8)
    for number in range(10):
        bench = bench_of(account, ActionKind.CREATE_TASK, number)
        assert await until_over(bench, account) is ActionState.DONE
        undoing = moved(bench.row.state, Move.UNDO)
        bench.row = replace(bench.row, state=undoing, attempt=1)
        account.wire.plan = deque(seed.choices(LOST, k=2))
        assert await until_over(bench, account) is ActionState.COMPENSATED
    assert (account.fake.counts()["tasks"], account.fake.counts()["notes"]) == (0, 0)
    kinds = Counter(kind for _, kind in account.fake.ledger)
    assert kinds[StepKind.REMOVE_NOTE] == kinds[StepKind.ADD_NOTE] == 10


@EACH
async def test_a_restart_between_write_and_answer_is_looked_up(tmp_path: Path, vendor: str) -> None:
    """Another process with the same home finds the mark, and answers what was there before the first try."""
    first = VENDORS[vendor](tmp_path)
    await first.target.send(SCORE, SUBJECT, key="k0")
    first.wire.plan = deque([cut])
    step = replace(SCORE, params={"points": "12"})
    with pytest.raises(OutcomeUnknown):
        await first.target.send(step, SUBJECT, key="k1")
    second = VENDORS[vendor](tmp_path, first.wire)
    found = await second.target.find("k1")
    assert found is not None
    assert found.before["points"] == "71"
    assert await second.target.send(step, SUBJECT, key="k1") == found
    assert len(first.fake.ledger) == 2


@EACH
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Refused), (403, Refused), (404, Refused), (409, Refused), (422, Refused),
     (302, Refused), (408, OutcomeUnknown),
     (500, OutcomeUnknown), (503, OutcomeUnknown), (429, Throttled), (401, Unauthorized)],
)  # fmt: skip
async def test_what_an_answer_to_a_write_means(
    tmp_path: Path, vendor: str, status: int, error: type[Exception]
) -> None:
    account = VENDORS[vendor](tmp_path)
    await account.target.send(TASK, SUBJECT, key="k0")
    account.wire.plan = deque(
        [instead(status, {"message": "secret words"}, location="http://127.0.0.1:2/")] * 2
    )
    with pytest.raises(error) as raised:
        await account.target.send(SCORE, SUBJECT, key="k1")
    assert "secret" not in str(raised.value)
    assert account.fake.token not in str(raised.value)
    assert await settled(account) is None
    assert len(account.fake.ledger) == 1


async def settled(account: Account) -> object:
    """What is found of `k1` once the vendor may be asked again."""
    account.clock.at = account.clock.at + 3_700_000_000  # type: ignore[assignment]  # an instant
    return await account.target.find("k1")


@EACH
@pytest.mark.parametrize(
    "fault", [instead(500), instead(429), vanished, instead(200, [1]), instead(200, "x")]
)
async def test_a_read_that_fails_is_for_later_and_writes_nothing(
    tmp_path: Path, vendor: str, fault: Fault
) -> None:
    account = VENDORS[vendor](tmp_path)
    await account.target.send(SCORE, SUBJECT, key="k0")
    for call in (
        lambda: account.target.look(SUBJECT),
        lambda: account.target.send(SCORE, SUBJECT, key="k1"),
        lambda: account.target.find("k0"),
    ):
        account.wire.reads = deque([fault])
        with pytest.raises(Temporary):
            await call()
        account.clock.at = account.clock.at + 3_700_000_000  # type: ignore[assignment]  # an instant
    assert len(account.fake.ledger) == 1


@EACH
async def test_another_tenant_is_not_written_for(tmp_path: Path, vendor: str) -> None:
    account = VENDORS[vendor](tmp_path)
    await account.target.send(SCORE, SUBJECT, key="k0")
    foreign = replace(SUBJECT, tenant=OTHER)
    assert not (await account.target.look(foreign)).exists
    with pytest.raises(Refused) as refused:
        await account.target.send(SCORE, foreign, key="k1")
    assert refused.value.code == "forbidden"
    assert len(account.fake.ledger) == 1


class Tokens:
    """Hands out tokens in turn, and counts."""

    def __init__(self, *tokens: str) -> None:
        self.tokens, self.asked = deque(tokens), 0

    async def __call__(self, stale: str | None) -> str:
        """The next token, the last one for ever."""
        self.asked += 1
        assert self.asked < 10, "asked for ever"
        return self.tokens.popleft() if len(self.tokens) > 1 else self.tokens[0]


@EACH
async def test_an_expired_token_is_renewed_once_and_the_request_sent_again(
    tmp_path: Path, vendor: str
) -> None:
    first = VENDORS[vendor](tmp_path)
    tokens = Tokens("old", first.fake.token)
    account = VENDORS[vendor](tmp_path, first.wire, renew=tokens)
    await account.target.send(SCORE, SUBJECT, key="k1")
    assert tokens.asked == 2
    assert [key for key, _ in account.ledger()] == ["k1"]


@EACH
async def test_a_token_that_is_never_accepted_is_asked_for_once_a_request(
    tmp_path: Path, vendor: str
) -> None:
    tokens = Tokens("old", "older", "oldest")
    account = VENDORS[vendor](tmp_path, renew=tokens)
    with pytest.raises(Unauthorized) as raised:
        await account.target.send(SCORE, SUBJECT, key="k1")
    assert tokens.asked == 2
    assert len(account.wire.log) == 2
    assert raised.value.setting.startswith("crm_")
    assert "old" not in str(raised.value)
    assert account.fake.ledger == []


@EACH
async def test_over_a_socket_a_slow_vendor_is_not_waited_for(tmp_path: Path, vendor: str) -> None:
    wire = Wire(VENDORS[vendor](tmp_path / "a").fake)
    with wire.served() as url:
        account = VENDORS[vendor](tmp_path / "b", wire, url=url, transport=None)
        await account.target.send(SCORE, SUBJECT, key="k0")
        hasty = VENDORS[vendor](tmp_path / "b", wire, url=url, transport=None, deadline_s=0.05)
        wire.lock.acquire()
        with pytest.raises(Temporary):
            await hasty.target.look(SUBJECT)
        wire.lock.release()
        assert (await account.target.look(SUBJECT)).fields == dict(SCORE.params)


@EACH
@pytest.mark.parametrize("value", ["../../admin", "1' OR Name != '", "x?y=1", "hubspot:1/../2"])
async def test_a_key_of_a_lead_is_never_a_part_of_a_request_unless_it_is_an_id(
    tmp_path: Path, vendor: str, value: str
) -> None:
    account = VENDORS[vendor](tmp_path)
    hostile = replace(SUBJECT, keys=(LeadKey(KeyKind.CRM_ID, value),))
    await account.target.send(SCORE, hostile, key="k1")
    assert not any(value in asked.path or value in str(asked.query) for asked in account.wire.log)
    assert account.fake.broken == []


@EACH
async def test_a_record_is_found_by_the_vendors_own_id(tmp_path: Path, vendor: str) -> None:
    account = VENDORS[vendor](tmp_path, create=False)
    made = account.fake.add("contacts", {}).id if vendor == "hubspot" else account.fake.add("Lead")["Id"]
    known = Subject(TENANT, LeadId("ld_1"), (LeadKey(KeyKind.CRM_ID, f"{vendor}:{made}"),))
    assert (await account.target.send(SCORE, known, key="k1")).ref == made
    assert (await account.target.look(known)).fields == dict(SCORE.params)
    other = Subject(TENANT, LeadId("ld_2"), (LeadKey(KeyKind.CRM_ID, f"other:{made}"),))
    assert not (await account.target.look(other)).exists
