"""``leadgraph sync``: a person asks a vendor for what was never sent."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from app import Toolbox, open_home
from domain.instants import MINUTE
from surfaces.cli.context import Cli
from surfaces.cli.root import run
from tests.tools.crm.fake_hubspot import TOKEN as HUBSPOT_TOKEN
from tests.tools.crm.fake_salesforce import CLIENT_ID, CLIENT_SECRET
from tests.tools.desk.fake_chatwoot import TOKEN as CHATWOOT_TOKEN
from tests.tools.records.vendors import Inbox, Org, Portal
from tests.tools.vendor_server import Wire, instead
from tools.clock import SystemClock

APP = {"crm_client_id": CLIENT_ID, "crm_client_secret": CLIENT_SECRET}


def hubspot(at: int) -> Portal:
    portal = Portal()
    ref = portal.person(at, jobtitle="CTO")
    entry = {"objectTypeId": "0-1", "objectId": int(ref), "action": "UPDATE", "occurredAt": at // 1_000}
    portal.journal = [("o-1", {"journalEvents": [entry]})]
    return portal


def salesforce(at: int) -> Org:
    org = Org()
    org.person(at, Title="CTO", Status="Open")
    return org


def chatwoot(at: int) -> Inbox:
    desk = Inbox(talks={})
    desk.begin(7)
    desk.write(7, "Hello?", at)
    return desk


CASES: Mapping[str, tuple[Any, Mapping[str, str], int]] = {
    "hubspot": (hubspot, {"crm": "hubspot", "crm_token": HUBSPOT_TOKEN, **APP}, 1),
    "salesforce": (salesforce, {"crm": "salesforce", **APP}, 3),
    "chatwoot": (chatwoot, {"desk": "chatwoot", "desk_token": CHATWOOT_TOKEN}, 2),
}


@pytest.mark.parametrize("vendor", CASES)
def test_what_was_never_sent_is_in_the_inbox_afterwards(
    vendor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make, settings, signals = CASES[vendor]
    fake = make(SystemClock().now() - MINUTE)
    wire = Wire(fake)
    with wire.served() as url:
        fake.address = url
        place = "crm_url" if "crm" in settings else "desk_url"
        given = {**settings, place: url, "poll": vendor, "home": str(tmp_path / "home")}
        for name, value in given.items():
            monkeypatch.setenv(f"LEADGRAPH_{name.upper()}", value)
        cli = Cli(
            open=open_home, tools=Toolbox(), out=Console(file=io.StringIO()), err=Console(file=io.StringIO())
        )
        assert run(cli, ["sync", vendor, "--json"]) == 0
        found = orjson.loads(capsys.readouterr().out)
        assert (found["items"], found["failed"], found["skipped"]) == (signals, 0, 0)
        assert {one["code"] for one in found["positions"]} == {"ok"}
        assert run(cli, ["sync", vendor, "--since", "1970-01-02", "--json"]) == 0
        assert orjson.loads(capsys.readouterr().out)["items"] == 0, "what is known is no news"
        wire.reads.extend([instead(401)] * 8)
        assert run(cli, ["sync", vendor, "--json"]) == 1
        codes = {one["code"] for one in orjson.loads(capsys.readouterr().out)["positions"]}
        assert any(code.startswith("credentials:") for code in codes)
        if vendor == "chatwoot":
            wire.reads.clear()
            said = {(one.ok, one.detail) for one in cli.tools.diagnose()[1] if one.name == "poll chatwoot"}
            assert said == {(False, "credentials:desk_token")}
    assert run(cli, ["sync", "zendesk"]) == 1
