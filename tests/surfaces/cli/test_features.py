"""``leadgraph features``: for people and for machines, the same for the same signals."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest
from rich.console import Console

from domain.features import Catalogue
from domain.ids import AccountId, LeadId, Region, TenantId
from domain.instants import DAY, Instant, iso
from domain.lead import LeadState, absorb
from domain.ports.home import Home
from domain.signal import Event, KeyKind, LeadKey
from surfaces.cli.context import Cli
from surfaces.cli.root import run
from tools.catalogue import load_catalogue

NOON = Instant(472_000 * 3_600_000_000)
Keys = dict[str, tuple[LeadKey, ...]]


@dataclass
class Stored:
    """Reads and accounts of a home that holds `leads`."""

    leads_: list[LeadState]
    keys_: Keys

    async def find_lead(self, tenant: TenantId, key: str, **_: object) -> LeadId | None:
        """By id or key value."""
        known = {one.value: LeadId(lead) for lead, keys in self.keys_.items() for one in keys}
        return LeadId(key) if key in self.keys_ else known.get(key)

    async def lead(self, tenant: TenantId, lead_id: LeadId) -> LeadState | None:
        """By id."""
        return next((lead for lead in self.leads_ if lead.lead_id == lead_id), None)

    async def keys(self, tenant: TenantId, lead_id: LeadId) -> Sequence[LeadKey]:
        """Of one lead."""
        return self.keys_[lead_id]

    async def leads(self, tenant: TenantId, *, batch: int = 500) -> AsyncIterator[Sequence[LeadState]]:
        """Two at a time."""
        for start in range(0, len(self.leads_), 2):
            yield self.leads_[start : start + 2]

    async def members(self, tenant: TenantId, account: AccountId) -> Sequence[LeadState]:
        """Of one account."""
        return [lead for lead in self.leads_ if lead.account == account]


class World:
    """A command line over a home made of events."""

    def __init__(self, leads: list[LeadState], keys: Keys) -> None:
        self.catalogue: Catalogue = load_catalogue(Path("config/features.toml"))
        self.out, self.err = StringIO(), StringIO()
        stored = Stored(leads, keys)
        clock = SimpleNamespace(now=lambda: NOON)
        self.home = cast(
            Home,
            SimpleNamespace(
                tenant=TenantId("t"), reads=stored, accounts=stored, catalogue=self.catalogue, clock=clock
            ),
        )

    @contextmanager
    def open(self, **_: Any) -> Iterator[Home]:
        """The home."""
        yield self.home

    def __call__(self, *words: str) -> int:
        """Run ``leadgraph features WORDS``; its exit code."""
        cli = Cli(
            open=self.open,
            tools=SimpleNamespace(catalogue=lambda: self.catalogue),
            out=Console(file=self.out, width=160),
            err=Console(file=self.err, width=160),
        )
        return run(cli, ["features", *words])


def page(hours_ago: int, number: int, subject: str = "pricing", known_later: int = 0) -> Event:
    """A page view."""
    at = NOON - hours_ago * 3_600_000_000
    return Event(at, f"s:{number}", subject, "web.page_view", "", 0, at + known_later, ())


def state(lead: str, *events: Event, **more: Any) -> LeadState:
    """A lead with these events."""
    return LeadState(LeadId(lead), TenantId("t"), Region("eu"), events=absorb((), events)[0], **more)


def crm(value: str) -> LeadKey:
    """A key as the CRM uses it."""
    return LeadKey(KeyKind.CRM_ID, value)


@pytest.fixture
def world() -> World:
    """Two leads of one account and one that was erased."""
    acme = AccountId("acme")
    leads = [
        state("ld_1", page(1, 1), page(30, 2), page(200, 3, "docs"), account=acme),
        state("ld_2", page(2, 4, known_later=DAY), account=acme),
        state("ld_3", page(1, 5), suppressed=True),
    ]
    keys: Keys = {
        "ld_1": (crm("b"), LeadKey(KeyKind.ANONYMOUS, "anon")),
        "ld_2": (crm("a"),),
        "ld_3": (crm("gone"),),
    }
    return World(leads, keys)


def lines(text: str) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_list_shows_every_feature_and_what_to_use_instead(world: World) -> None:
    """For people."""
    assert world("list") == 0
    text = world.out.getvalue()
    assert all(definition.name in text for definition in world.catalogue.definitions)
    assert "use count.marketing.email_clicked.30d" in " ".join(text.split())
    assert world.catalogue.version in text


def test_list_gives_machines_one_line_per_feature(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing else on stdout."""
    assert world("list", "--json", "--scope", "account") == 0
    records = lines(capsys.readouterr().out)
    assert {record["scope"] for record in records} == {"account"}
    assert {"name", "version", "aggregate", "window_hours", "unit", "deprecated", "catalogue"} <= records[
        0
    ].keys()
    assert world.out.getvalue() == ""


def test_show_tells_all_of_one_feature(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """And helps with a name that is nearly right."""
    assert world("show", "decayed.page.pricing") == 0
    assert "half-life 14 d" in world.out.getvalue()
    assert world("show", "decayed.page.pricing", "--json") == 0
    assert lines(capsys.readouterr().out)[0]["half_life_hours"] == 336
    assert world("show", "decayed.page") == 1
    assert "is it decayed.page.contact, decayed.page.demo" in world.err.getvalue()


def test_lineage_names_the_value_and_the_signals_behind_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """By any key of the lead; for people as a table."""
    assert world("lineage", "b", "decayed.page.pricing", "--json") == 0
    record = lines(capsys.readouterr().out)[0]
    assert (
        record["value"] == world.catalogue.evaluate((page(30, 2), page(1, 1)), NOON)["decayed.page.pricing"]
    )
    assert [(signal["ref"], signal["at"]) for signal in record["signals"]] == [
        ("s:1", iso(Instant(NOON - 3_600_000_000))),
        ("s:2", iso(Instant(NOON - 30 * 3_600_000_000))),
    ]
    assert world("lineage", "anon", "count.web.30d", "--limit", "1") == 0
    assert "3 events" in world.out.getvalue()
    assert "and 2 more" in world.out.getvalue()


def test_lineage_as_of_an_earlier_time_knows_nothing_later(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """I12 at the door."""
    assert world("lineage", "ld_1", "count.web.30d", "--as-of", iso(Instant(NOON - DAY)), "--json") == 0
    record = lines(capsys.readouterr().out)[0]
    assert (record["value"], [signal["ref"] for signal in record["signals"]]) == (2, ["s:2", "s:3"])


def test_lineage_of_an_account_feature_names_signals_of_all_its_leads(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over the members that may be processed."""
    assert world("lineage", "ld_1", "account.members.active.7d", "--json") == 0
    record = lines(capsys.readouterr().out)[0]
    assert record["value"] == 2
    assert {signal["ref"] for signal in record["signals"]} == {"s:1", "s:2", "s:4"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lineage", "nobody", "stage"), "no lead is known as nobody"),
        (("lineage", "ld_3", "stage"), "must not be processed"),
        (("lineage", "ld_1", "nothing"), "no feature is called nothing; see"),
        (("lineage", "ld_1", "stage", "--as-of", "yesterday"), "--as-of: is not a time with a zone"),
        (("lineage", "ld_1", "stage", "--as-of", "2024-03-01"), "--as-of: is not a time with a zone"),
        (("list", "--scope", "leads"), "--scope: is neither 'lead' nor 'account'"),
        (("export", "--as-of", "2024-03-01T00:00:00Z", "--out", "x.csv"), "--out: ends in .csv; name a file"),
        (
            ("export", "--as-of", "2024-03-01T00:00:00Z", "--out", "no/such/x.jsonl"),
            "--out: cannot be written (No such file or directory)",
        ),
    ],
)
def test_a_wrong_question_is_answered_with_a_remedy(world: World, words: tuple[str, ...], said: str) -> None:
    """Exit code 1, one sentence, no traceback."""
    assert world(*words) == 1
    assert said in world.err.getvalue()


def test_export_is_the_same_for_the_same_signals(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other random lead ids, other order in the store, events taken in otherwise: the same bytes."""
    other = World(
        [
            state("ld_8", page(2, 4, known_later=DAY)),
            state("ld_9", page(200, 3, "docs"), page(1, 1), page(30, 2), page(1, 1)),
        ],
        {"ld_8": (crm("a"),), "ld_9": (LeadKey(KeyKind.ANONYMOUS, "anon"), crm("b"))},
    )
    for number, one in enumerate((world, other)):
        for ending in ("jsonl", "parquet"):
            assert (
                one("export", "--as-of", iso(NOON), "--out", str(tmp_path / f"{number}.{ending}"), "--json")
                == 0
            )
    for ending in ("jsonl", "parquet"):
        assert (tmp_path / f"0.{ending}").read_bytes() == (tmp_path / f"1.{ending}").read_bytes()
    summary = lines(capsys.readouterr().out)[0]
    assert (summary["leads"], summary["over_cap"]) == (2, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0.jsonl",
        "0.parquet",
        "1.jsonl",
        "1.parquet",
    ]


def test_export_gives_the_values_as_of_then_of_every_lead_that_may_be_processed(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sorted by key, without the erased lead; with `--known-at` only what was known by then."""
    assert world("export", "--as-of", iso(NOON)) == 0
    rows = lines(capsys.readouterr().out)
    assert [(row["key"], row["keys"]) for row in rows] == [
        ("crm_id:a", ["crm_id:a"]),
        ("crm_id:b", ["anonymous_id:anon", "crm_id:b"]),
    ]
    expected = world.catalogue.evaluate((page(2, 4),), NOON)
    assert {name: rows[0][name] for name in expected} == expected
    file = tmp_path / "then.parquet"
    assert world("export", "--as-of", iso(NOON), "--known-at", iso(NOON), "--out", str(file)) == 0
    assert pl.read_parquet(file)["count.web.30d"].to_list() == [0, 3]


def test_what_a_lead_forbids_is_neither_exported_nor_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Marketing events of a lead that refuses marketing: as in a run, they are not used."""
    read = Event(NOON - DAY, "s:1", "guide", "marketing.content", "", 0, NOON - DAY, ())
    refused = Event(NOON - 1, "s:2", "denied", "consent.changed", "marketing", 0, NOON - 1, ())
    one = World([state("ld_1", read, refused)], {"ld_1": (crm("a"),)})
    assert one("export", "--as-of", iso(NOON)) == 0
    assert one("lineage", "a", "count.marketing.30d", "--json") == 0
    assert one("lineage", "a", "count.marketing.30d", "--as-of", iso(Instant(NOON - DAY)), "--json") == 0
    exported, now, before = lines(capsys.readouterr().out)
    assert (exported["count.marketing.30d"], now["value"], before["value"]) == (0, 0, 1)


def test_export_of_an_empty_home_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    """Not an error: there is nothing yet."""
    empty = World([], {})
    assert empty("export", "--as-of", iso(NOON), "--json") == 0
    assert capsys.readouterr().out == ""
    assert "0 leads" in empty.err.getvalue()
