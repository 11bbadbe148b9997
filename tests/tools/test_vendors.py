"""Connectors as the settings name them: which step goes where, what is missing is named, and no token shows."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from app import throw_away_home
from domain.effect import Step, StepKind
from domain.errors import ConfigError, LeadgraphError
from domain.ports.target import Subject, Target
from domain.ports.upstream import Record
from domain.signal import KeyKind, LeadKey
from tests.tools.chat.fake_slack import FakeSlack
from tests.tools.crm.fake_hubspot import FakeHubSpot
from tests.tools.crm.fake_salesforce import CLIENT_ID, CLIENT_SECRET, FakeSalesforce
from tests.tools.crm.worlds import LEAD, NOW, SCORE, SUBJECT, TASK, FixedClock
from tests.tools.desk.fake_chatwoot import FakeChatwoot
from tests.tools.desk.fake_intercom import FakeIntercom
from tests.tools.desk.fake_zendesk import FakeZendesk
from tests.tools.programmes.fakes import FakeBrevo
from tests.tools.vendor_server import Asked, Said, Wire
from tests.tools.waits import Waits
from tools.diagnosis import diagnose
from tools.field_map import field_map
from tools.policy.reps import load_reps
from tools.records.opening import open_upstream
from tools.settings import SHIPPED, find_settings
from tools.standing import standings
from tools.targets import open_targets

NOTE = Step(StepKind.ADD_NOTE, {"note": "Wants 50 seats"})
TALKING = Subject(SUBJECT.tenant, LEAD, (LeadKey(KeyKind.CONVERSATION, "chatwoot:42"),))


class Unlimited(Waits):
    """Satisfies `domain.ports.limits.Limits`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def reserve(self, name: str, *, per_minute: int, burst: int, now: int, **_: int) -> int:
        """No wait."""
        self.asked.append(name)
        return 0


@pytest.fixture
def accounts() -> Any:
    """An account at each vendor, behind sockets, with their addresses."""
    fakes = {
        "hubspot": FakeHubSpot(),
        "salesforce": FakeSalesforce(),
        "chatwoot": FakeChatwoot(),
        "intercom": FakeIntercom(),
        "zendesk": FakeZendesk(),
    }
    with ExitStack() as stack:
        yield {name: (fake, stack.enter_context(Wire(fake).served())) for name, fake in fakes.items()}


def environment(home: Path, accounts: Any, **more: str) -> dict[str, str]:
    """HubSpot and Chatwoot as a person would set them up."""
    return {
        "LEADGRAPH_HOME": str(home),
        "LEADGRAPH_TENANT": SUBJECT.tenant,
        "LEADGRAPH_CRM": "hubspot",
        "LEADGRAPH_CRM_URL": accounts["hubspot"][1],
        "LEADGRAPH_CRM_TOKEN": accounts["hubspot"][0].token,
        "LEADGRAPH_CRM_CREATE": "true",
        "LEADGRAPH_DESK": "chatwoot",
        "LEADGRAPH_DESK_URL": accounts["chatwoot"][1],
        "LEADGRAPH_DESK_TOKEN": accounts["chatwoot"][0].token,
    } | {name: value for name, value in more.items() if value}


def with_people(folder: Path, vendor: str, person: str) -> Path:
    """The shipped configuration, in which each rep is `person` at `vendor`."""
    shutil.copytree(SHIPPED, folder)
    file = folder / "fields" / f"{vendor}.toml"
    reps = [rep.rep_id for rep in load_reps(SHIPPED / "reps.csv")]
    text = file.read_text("utf-8") + "".join(f'\n{rep} = "{person}"' for rep in reps)
    file.write_text(text, "utf-8")
    return folder


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    """Opens the targets of an environment; in the end they are closed, outside the loop of the test."""
    with ExitStack() as later:

        def open_all(env: Mapping[str, str]) -> Mapping[StepKind, Target]:
            (tmp_path / "home").mkdir(exist_ok=True)
            limits = Unlimited()
            return open_targets(
                find_settings(env).settings,
                tmp_path / "home",
                clock=FixedClock(),
                limits=limits,
                later=later,
            )

        yield open_all


Open = Callable[[Mapping[str, str]], Mapping[StepKind, Target]]


async def test_scores_and_tasks_go_to_the_crm_notes_to_the_conversation_and_the_rest_stays_here(
    tmp_path: Path, accounts: Any, opened: Open
) -> None:
    targets = opened(environment(tmp_path / "home", accounts))
    await targets[StepKind.SET_FIELDS].send(SCORE, SUBJECT, key="k1")
    await targets[StepKind.CREATE_TASK].send(TASK, SUBJECT, key="k2")
    await targets[StepKind.ADD_NOTE].send(NOTE, TALKING, key="k3")
    await targets[StepKind.ADD_NOTE].send(NOTE, SUBJECT, key="k4")
    hubspot, desk = accounts["hubspot"][0], accounts["chatwoot"][0]
    assert hubspot.counts() == {"records": 1, "tasks": 1, "notes": 1}
    assert len(desk.notes()) == 1
    assert (hubspot.broken, desk.broken) == ([], [])
    assert {targets[kind].name for kind in (StepKind.ENROL, StepKind.NOTIFY)} == {"crm"}
    assert targets.keys() == set(StepKind)


async def test_a_note_from_before_the_conversation_is_removed_where_it_stands(
    tmp_path: Path, accounts: Any, opened: Open
) -> None:
    targets = opened(environment(tmp_path / "home", accounts))
    receipt = await targets[StepKind.ADD_NOTE].send(NOTE, SUBJECT, key="k1")
    assert await targets[StepKind.ADD_NOTE].find("k1") == receipt
    back = Step(StepKind.REMOVE_NOTE, {"ref": receipt.ref})
    await targets[StepKind.REMOVE_NOTE].send(back, TALKING, key="k1/undo")
    assert accounts["hubspot"][0].counts()["notes"] == 0


@pytest.mark.parametrize(("desk", "account"), [("intercom", "900"), ("zendesk", "1")])
async def test_a_desk_takes_the_notes_of_its_conversations(
    tmp_path: Path, accounts: Any, opened: Open, desk: str, account: str
) -> None:
    fake, url = accounts[desk]
    more = {"DESK": desk, "DESK_URL": url, "DESK_TOKEN": fake.token, "DESK_ACCOUNT": account}
    env = environment(
        tmp_path / "home", accounts, **{f"LEADGRAPH_{name}": value for name, value in more.items()}
    )
    talking = Subject(SUBJECT.tenant, LEAD, (LeadKey(KeyKind.CONVERSATION, f"{desk}:42"),))
    await opened(env)[StepKind.ADD_NOTE].send(NOTE, talking, key="k1")
    assert len(fake.notes()) == 1


async def test_salesforce_is_reached_with_the_credentials_of_a_client(
    tmp_path: Path, accounts: Any, opened: Open
) -> None:
    env = environment(
        tmp_path / "home",
        accounts,
        LEADGRAPH_CRM="salesforce",
        LEADGRAPH_CRM_URL=accounts["salesforce"][1],
        LEADGRAPH_CRM_CLIENT_ID=CLIENT_ID,
        LEADGRAPH_CRM_CLIENT_SECRET=CLIENT_SECRET,
    )
    await opened(env)[StepKind.SET_FIELDS].send(SCORE, SUBJECT, key="k1")
    assert accounts["salesforce"][0].counts()["records"] == 1


async def test_programmes_and_notices_go_to_their_vendors_and_doctor_says_what_is_missing(
    tmp_path: Path, accounts: Any, opened: Open
) -> None:
    slack, brevo = FakeSlack(FixedClock().now), FakeBrevo(LEAD)
    with Wire(slack).served() as chat, Wire(brevo).served() as lists:
        more = {
            "SLACK_CHANNEL": "C0SALES", "SLACK_URL": chat, "SLACK_TOKEN": slack.token, "PROGRAMMES": "brevo",
            "PROGRAMMES_URL": lists, "PROGRAMMES_TOKEN": brevo.token, "DESK": "", "CRM": "",
        }  # fmt: skip
        env = environment(
            tmp_path / "home", accounts, **{f"LEADGRAPH_{name}": value for name, value in more.items()}
        )
        config = tmp_path / "config"
        shutil.copytree(SHIPPED, config)
        with (config / "fields" / "brevo.toml").open("a", encoding="utf-8") as file:
            file.write('nurture = "11"\n')
        env |= {"LEADGRAPH_CONFIG": str(config)}
        targets = opened(env)
        await targets[StepKind.ENROL].send(Step(StepKind.ENROL, {"programme": "nurture"}), SUBJECT, key="k1")
        await targets[StepKind.NOTIFY].send(Step(StepKind.NOTIFY, {"queue": "sales"}), SUBJECT, key="k2")
        assert (brevo.on(), len(slack.messages)) == (["11", "99"], 1)
        settings = find_settings(env).settings
        found = await asyncio.to_thread(lambda: list(standings(settings)))
        checks = {one.name: one.lacks for one in found}
        assert checks["brevo_lists"] == []
        assert [line.partition(" ")[0] for line in checks["slack"]] == ["people:", "webhook_slack_secrets"]


async def test_each_request_takes_of_its_account_whatever_it_is_for(tmp_path: Path, accounts: Any) -> None:
    """Writes and what reads back; the steps themselves take nothing."""
    limits, seen = Unlimited(), list[str]()
    settings = find_settings(environment(tmp_path, accounts)).settings

    def counted(vendor: str, handle: Callable[[Asked], Said]) -> Callable[[Asked], Said]:
        def answer(asked: Asked) -> Said:
            seen.append(vendor)
            return handle(asked)

        return answer

    for vendor in ("hubspot", "chatwoot"):
        accounts[vendor][0].handle = counted(vendor, accounts[vendor][0].handle)
    with ExitStack() as later:
        targets = open_targets(settings, tmp_path, clock=FixedClock(), limits=limits, later=later)
        await targets[StepKind.SET_FIELDS].send(SCORE, SUBJECT, key="k1")
        await targets[StepKind.ADD_NOTE].send(NOTE, TALKING, key="k2")
        none: Any = None
        upstream = open_upstream(settings, none, none, clock=FixedClock(), limits=limits, later=later)
        for vendor, kind in (("hubspot", "contact"), ("chatwoot", "conversation")):
            with suppress(LeadgraphError):
                await upstream.readers[vendor].read([Record(vendor, kind, "42", NOW)], now=NOW)
        await asyncio.to_thread(later.close)
    assert limits.asked == [f"account:{SUBJECT.tenant}:{vendor}" for vendor in seen]
    assert set(seen) == {"hubspot", "chatwoot"}


@pytest.mark.parametrize(
    ("missing", "named"),
    [("CRM_TOKEN", "crm_token_file"), ("DESK_URL", "desk_url"), ("DESK_TOKEN", "desk_token_file")],
)
def test_what_is_missing_is_named(
    tmp_path: Path, accounts: Any, opened: Open, missing: str, named: str
) -> None:
    env = environment(tmp_path / "home", accounts)
    del env[f"LEADGRAPH_{missing}"]
    with pytest.raises(ConfigError, match=named):
        opened(env)


@pytest.mark.parametrize("url", ["http://crm.example", "https://me:hunter2@crm.example", "ftp://127.0.0.1"])
def test_an_address_that_is_not_encrypted_or_holds_a_password_is_refused(
    tmp_path: Path, accounts: Any, opened: Open, url: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        opened(environment(tmp_path / "home", accounts, LEADGRAPH_CRM_URL=url))
    assert "hunter2" not in str(refused.value)


async def test_a_token_in_a_file_is_read_anew_when_it_is_not_accepted(
    tmp_path: Path, accounts: Any, opened: Open
) -> None:
    file = tmp_path / "token"
    file.write_text("old\n", "utf-8")
    targets = opened(environment(tmp_path / "home", accounts, LEADGRAPH_CRM_TOKEN_FILE=str(file)))
    accounts["hubspot"][0].token = "old"
    await targets[StepKind.SET_FIELDS].send(SCORE, SUBJECT, key="k1")
    accounts["hubspot"][0].token = "new"
    file.write_text("new\n", "utf-8")
    await targets[StepKind.SET_FIELDS].send(SCORE, SUBJECT, key="k2")
    assert len(accounts["hubspot"][0].ledger) == 2


def test_doctor_says_of_each_connector_what_is_missing_and_shows_no_token(
    tmp_path: Path, accounts: Any
) -> None:
    accounts["chatwoot"][0].labels.remove("sales-handoff")
    config = with_people(tmp_path / "config", "hubspot", "901")
    more = {"LEADGRAPH_CONFIG": str(config), "LEADGRAPH_DESK_TELL_CUSTOMER": "true"}
    env = environment(tmp_path / "home", accounts, **more)
    settings = find_settings(env).settings
    checks = {one.name: one for one in diagnose(settings, lambda: "") if one.name.startswith("connector")}
    assert checks["connector hubspot"].ok
    label, *others = checks["connector chatwoot"].detail.split("; ")
    assert label == "labels: create the label sales-handoff"
    assert [line.partition(":")[0] for line in others] == ["people", "queues", "webhook_actors"]
    assert others[0].startswith("people: add rep_000001")
    accounts["hubspot"][0].token = "other"
    (hubspot, _) = (one for one in diagnose(settings, lambda: "") if one.name.startswith("connector"))
    assert not hubspot.ok
    assert "pat-eu1-secret" not in hubspot.detail


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce", "chatwoot", "intercom", "zendesk"])
def test_the_shipped_maps_can_be_read(vendor: str) -> None:
    assert field_map(SHIPPED, vendor, own=("marks",)).own["marks"].lower().startswith("leadgraph_marks")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[fields]\nscore = 'x'", "score"),
        ("[fieldz]\npoints = 'x'", "fieldz"),
        ("[fields]\npoints = 7", "fields"),
        ("[fields]\npoints = 'x'\n[own]\nmarks = 'x'", "twice"),
        ("[fields]\npoints = 'x'", "marks"),
        ("[fields", "TOML"),
    ],
)
def test_a_map_that_is_wrong_names_the_place(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "fields").mkdir()
    (tmp_path / "fields" / "hubspot.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=named):
        field_map(tmp_path, "hubspot", own=("marks",))


def test_a_home_that_is_thrown_away_writes_to_no_vendor(
    tmp_path: Path, accounts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(tmp_path / "home", accounts).items():
        monkeypatch.setenv(name, value)
    with throw_away_home() as home:
        assert {target.name for target in home.targets.values()} == {"crm"}
