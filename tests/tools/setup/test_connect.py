"""A newcomer connects: seen before made, made once, kept sealed, tried through the door; of a failure nothing is."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.ports.chat import Challenge
from tests.tools.chat.fake_slack import CHANNEL, FakeSlack
from tests.tools.oauth_hubspot import CLIENT, OAuthHubSpot
from tests.tools.oauth_hubspot import SECRET as CLIENT_SECRET
from tests.tools.setup.fresh import HOOK_SECRET, FreshHubSpot, FreshZendesk
from tests.tools.setup.person import Desk
from tests.tools.vendor_server import Wire
from tools.chat.opening import open_questions
from tools.clock import SystemClock
from tools.credentials import Credentials
from tools.diagnosis import diagnose
from tools.receivers import SettingsReceivers
from tools.settings import SEALED, find_settings
from tools.setup import NAMES, setup

SECRET = "client-secret-of-the-app"
OURS = 11
"""Properties of HubSpot that are ours: nine of contacts, one of tasks, one of notes."""


def test_hubspot_is_made_ready_and_the_next_command_finds_it_so(desk: Desk, hubspot: Any) -> None:
    fake, wire, url = hubspot
    code, found = desk.connect(
        "hubspot", "--yes", crm_url=url, crm_token=fake.token, webhook_hubspot_secrets=SECRET
    )
    assert code == 2, "the salespeople are not mapped yet"
    assert found["who"] == "HubSpot account 62515"
    assert sum("property" in one for one in found["made"]) == OURS
    assert not [line for line in found["lacks"] if "create" in line]
    settings = find_settings({})
    assert (settings.settings.crm, settings.settings.crm_url) == ("hubspot", url)
    assert settings.origin["crm_token"] == SEALED
    assert settings.settings.crm_token is not None
    assert settings.settings.crm_token.get_secret_value() == fake.token
    before = len([asked for asked in wire.log if asked.writes])
    code, again = desk.connect("hubspot", "--yes")
    assert again["made"] == []
    assert len([asked for asked in wire.log if asked.writes]) == before, "nothing is made twice"


def test_hubspot_by_a_refresh_token_is_used_from_then_on_whatever_hubspot_made_of_it(
    desk: Desk,
) -> None:
    """The one that was typed in is used up by the check itself; the next command goes on with what came of it."""
    fake = OAuthHubSpot(inner=FreshHubSpot())
    with Wire(fake).served() as url:
        answers = {"crm_url": url, "crm_client_id": CLIENT, "crm_client_secret": CLIENT_SECRET}
        _, found = desk.connect("hubspot", "--yes", crm_refresh_token="refresh-0", **answers)
        assert found["who"] == "HubSpot account 62515", desk.said
        assert fake.refresh == "refresh-1"
        names = {check.name: check for check in diagnose(find_settings({}).settings, str)}
        detail = names["connector hubspot"].detail
        assert "people" in detail, "HubSpot was asked"
        assert "scopes: give the app crm.objects.contacts.write" in detail
        assert find_settings({}).settings.webhook_actors == {"hubspot": "88"}
        assert fake.given == 1, "with the token that is there"
        code, _ = desk.connect("hubspot", "--yes", crm_token="a-private-apps-token")
    assert code == 1
    assert "keep one (leadgraph credentials forget NAME)" in desk.said
    kept = (desk.home / "credentials").read_text() + (desk.folder / "leadgraph.toml").read_text() + desk.said
    assert not [one for one in ("refresh-", "access-", CLIENT_SECRET) if one in kept]


def test_without_a_yes_nothing_is_written_at_the_vendor_and_the_requests_are_shown(
    desk: Desk, hubspot: Any
) -> None:
    fake, wire, url = hubspot
    _, found = desk.connect("hubspot", crm_url=url, crm_token=fake.token)
    assert not [asked for asked in wire.log if asked.writes]
    assert found["made"] == []
    assert len([line for line in found["lacks"] if "create the property" in line]) == OURS
    assert 'POST /crm/v3/properties/contacts {"description"' in desk.said


def test_a_wrong_token_is_named_and_nothing_is_kept(desk: Desk, hubspot: Any) -> None:
    _, _, url = hubspot
    code, found = desk.connect("hubspot", "--yes", crm_url=url, crm_token="pat-wrong-token")
    assert (code, found) == (1, {})
    assert "does not accept our token" in desk.said
    assert "pat-wrong-token" not in desk.said
    assert not desk.home.exists()
    assert not (desk.folder / "leadgraph.toml").exists()


def test_a_missing_right_is_said_and_leaves_the_rest_undone(desk: Desk, hubspot: Any) -> None:
    fake, _, url = hubspot
    fake.may_make = False
    fake.inner.scopes.remove("crm.objects.owners.read")
    code, _ = desk.connect("hubspot", "--yes", crm_url=url, crm_token=fake.token)
    assert code == 1
    assert "403" in desk.said
    assert "scopes: give the app crm.objects.owners.read" in desk.said
    assert not desk.home.exists()


def test_chatwoot_calls_us_after_it_and_its_secret_is_ours(desk: Desk, chatwoot: Any) -> None:
    fake, _, url = chatwoot
    public = {"public_url": "https://leads.example.com"}
    where = "http://127.0.0.1:9/v1/webhooks/chatwoot"
    answers = {"desk_url": url, "desk_account": "1", "desk_token": fake.token, **public}
    _, found = desk.connect("chatwoot", "--yes", "--to", where, **answers)
    assert [hook["url"] for hook in fake.hooks] == ["https://leads.example.com/v1/webhooks/chatwoot"]
    assert found["trial"]["ok"] is False
    assert "is leadgraph serve running" in found["trial"]["words"]
    assert {one["attribute_key"] for one in fake.attributes} == {"leadgraph_marks", "leadgraph_queue"}
    assert "sales-handoff" in fake.inner.labels
    assert Credentials(desk.home).get("webhook_chatwoot_secrets") == HOOK_SECRET
    desk.connect("chatwoot", "--yes", "--to", where)
    assert len(fake.hooks) == 1, "registering twice is registering once"


def test_zendesk_tells_the_secret_of_the_webhook_that_it_made(desk: Desk) -> None:
    fake = FreshZendesk()
    with Wire(fake).served() as url:
        answers = {"desk_url": url, "desk_token": fake.inner.token, "public_url": "https://leads.example.com"}
        where = "http://127.0.0.1:9/v1/webhooks/zendesk"
        _, first = desk.connect("zendesk", "--yes", "--to", where, **answers)
        assert first, desk.said
        _, found = desk.connect("zendesk", "--yes", "--to", where, **answers)
    assert found["hook"] == "webhook 01HOOK0 calls https://leads.example.com/v1/webhooks/zendesk already"
    assert {"leadgraph_marks", "leadgraph_queue"} <= fake.inner.titles.keys()
    assert Credentials(desk.home).get("webhook_zendesk_secrets") == HOOK_SECRET


def test_slack_is_asked_by_reads_alone_and_answers_its_own_trial(desk: Desk) -> None:
    fake = FakeSlack(SystemClock().now)
    wire = Wire(fake)
    with wire.served() as url:
        answers = {"slack_url": url, "slack_token": fake.token, "slack_channel": CHANNEL}
        code, found = desk.connect("slack", webhook_slack_secrets=SECRET, **answers)
    assert (code, found["lacks"]) == (2, ["people: add who may decide to config/fields/slack.toml"])
    assert not [asked for asked in wire.log if asked.writes]
    now = SystemClock().now()
    with ExitStack() as later:
        questions = open_questions(find_settings({}).settings, desk.home, SystemClock(), later)
        assert questions is not None
        delivery = setup("slack").trial(SECRET, "", now)
        questions.verify(delivery, now=now)
        assert questions.read(delivery) == Challenge(f"trial{now}")


def test_a_new_secret_keeps_the_one_before_alive(desk: Desk) -> None:
    desk.connect("segment", webhook_segment_secrets="first-secret-of-segment")
    desk.connect("segment", webhook_segment_secrets="second-secret-of-segment")
    kept = find_settings({}).settings.webhook_segment_secrets
    assert [one.get_secret_value() for one in kept] == ["second-secret-of-segment", "first-secret-of-segment"]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("slack", "brevo")])
def test_the_trial_of_each_vendor_is_proven_and_makes_no_signal(name: str) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" if name == "standard" else SECRET
    recipe = setup(name)
    given = {f"webhook_{recipe.webhook}_secrets": (secret,), "public_url": "https://leads.example.com"}
    receiver = SettingsReceivers(find_settings({}, **given).settings).get(recipe.webhook)
    assert receiver is not None
    now = 1_772_366_400_000_000
    delivery = recipe.trial(secret, f"https://leads.example.com/v1/webhooks/{recipe.webhook}", now)
    receiver.verify(delivery, now=now)
    assert receiver.read(delivery, now=now).items == ()


def test_the_doctor_tries_each_door_that_has_a_secret(desk: Desk) -> None:
    desk.connect("segment", webhook_segment_secrets="first-secret-of-segment")
    good = {check.name: check.ok for check in diagnose(find_settings({}).settings, str)}
    assert good["webhook segment"]
    assert "webhook hubspot" not in good
    bad = find_settings({}, webhook_hubspot_secrets=(SECRET,)).settings
    (found,) = [check for check in diagnose(bad, str) if check.name == "webhook hubspot"]
    assert (found.ok, found.remedy) == (False, "leadgraph connect hubspot")
    assert "public_url" in found.detail


def test_what_is_kept_cannot_be_read_without_the_master_key_nor_put_in_anothers_place(tmp_path: Path) -> None:
    kept = Credentials(tmp_path / "home")
    kept.put("crm_token", "a-very-secret-token")
    kept.put("desk_token", "another-secret-token")
    file = tmp_path / "home" / "credentials"
    assert b"secret-token" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    document = orjson.loads(file.read_bytes())
    document["kept"] = {"crm_token": document["kept"]["desk_token"]}
    file.write_bytes(orjson.dumps(document))
    with pytest.raises(Exception, match="crm_token cannot be opened"):
        kept.get("crm_token")


def test_settings_files_keep_what_people_wrote(desk: Desk) -> None:
    (desk.folder / "leadgraph.toml").write_text(
        '# ours\nregion = "eu"   # do not touch\npublic_url = "https://old.example.com"\n\n'
        '[webhook_actors]\nhubspot = "77"\n'
    )
    desk.connect(
        "segment", webhook_segment_secrets="first-secret-of-segment", public_url="https://new.example.com"
    )
    text = (desk.folder / "leadgraph.toml").read_text()
    assert '# ours\nregion = "eu"   # do not touch\npublic_url = "https://new.example.com"\n' in text
    assert find_settings({}).settings.webhook_actors == {"hubspot": "77"}
