"""What connect and the doctor say is so: no token goes astray, nothing unusable is kept, ready means ready."""

import asyncio
import io
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.tools.chat.fake_slack import CHANNEL, FakeSlack
from tests.tools.crm.fake_salesforce import FakeSalesforce
from tests.tools.programmes.fakes import FakeBrevo
from tests.tools.setup.fresh import FreshZendesk
from tests.tools.setup.person import Desk
from tests.tools.test_vendors import with_people
from tests.tools.vendor_server import Wire
from tools.clock import SystemClock
from tools.credentials import Credentials
from tools.receivers import KEYED
from tools.settings import SEALED, SECRETS, find_settings
from tools.setup import chatwoot as chatwoot_setup
from tools.setup.zendesk import EVENTS
from tools.standing import standings
from tools.vendors import login_of

GOOD = "long-enough-secret-0001"
PUBLIC = "https://leads.example.com"
NOWHERE = "http://127.0.0.1:9/x"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = (
    rsa.generate_private_key(65_537, 2_048)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)


@pytest.mark.parametrize(
    ("lines", "vendor", "answers"),
    [
        (
            'crm = "salesforce"\ncrm_url = "{}"\ncrm_client_id = "c"',
            "hubspot",
            {"crm_token": "pat-of-hubspot"},
        ),
        (
            'desk = "chatwoot"\ndesk_url = "{}"',
            "intercom",
            {"desk_token": "of-intercom", "desk_account": "9"},
        ),
    ],
)
def test_a_token_never_goes_to_the_address_of_the_vendor_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, lines: str, vendor: str, answers: dict[str, str]
) -> None:
    before, usual = Wire(FakeSalesforce()), Wire(FakeSlack(SystemClock().now))
    usual.fake.contract = ""
    with before.served() as old, usual.served() as new:
        desk.toml.write_text(lines.format(old), "utf-8")
        monkeypatch.setattr(f"tools.setup.{vendor}.URL", new)
        code, _ = desk.connect(vendor, **answers)
    assert before.log == []
    assert len(usual.log) == 1
    assert code == 1, "a server that names no account is no such vendor"
    assert "the answer names no account; is its address right?" in desk.said
    assert lines.format(old) == desk.toml.read_text(), "and nothing was kept"


def test_what_belonged_to_the_vendor_before_is_taken_out_when_another_takes_its_place(
    desk: Desk, chatwoot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.toml.write_text(
        'crm_create = true\ncrm = "salesforce"\ncrm_url = "https://a.my.salesforce.com"\n'
        'desk_token_file = "old.token"\ndesk = "zendesk"\n\n[webhook_actors]\nslack = "B1"\n'
    )
    fake, _, url = chatwoot
    answers = {"desk_url": url, "desk_account": "1", "desk_token": fake.token}
    code, found = desk.connect("chatwoot", "--yes", **answers)
    assert code == 2, desk.said
    assert "taken out, as of the vendor before: desk_token_file" in found["kept"]
    settings = find_settings({}).settings
    assert (settings.desk, settings.desk_token_file, settings.crm_url) == (
        "chatwoot", None, "https://a.my.salesforce.com",
    )  # fmt: skip
    assert settings.webhook_actors == {"slack": "B1", "chatwoot": "user:5"}
    monkeypatch.setenv("LEADGRAPH_DESK_TOKEN", "of-the-environment")
    code, _ = desk.connect("zendesk", "--yes", desk_url=url, desk_token="bot@acme.example/token:x")
    assert code == 1
    assert "LEADGRAPH_DESK_TOKEN, which wins" in desk.said


@pytest.mark.parametrize(
    ("vendor", "answers", "named"),
    [
        (
            "segment",
            {"webhook_segment_secrets": "short"},
            "webhook_segment_secrets: a secret has at least 16",
        ),
        ("standard", {"webhook_standard_secrets": "hello-this-is-my-secret!"}, "whsec_"),
        ("segment", {"webhook_segment_secrets": GOOD, "public_url": "leads.example.com"}, "https://leads"),
        ("chatwoot", {"public_url": "leads.example.com"}, "https://leads"),
        ("salesforce", {"crm_jwt_key": "no key", "crm_jwt_user": "bot"}, "no private key"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused_before_anybody_hears_of_it(
    desk: Desk, vendor: str, answers: dict[str, str], named: str
) -> None:
    wire = Wire(FakeSalesforce())
    with wire.served() as url:
        if vendor == "chatwoot":
            answers |= {"desk_url": url, "desk_account": "1", "desk_token": "t"}
        if vendor == "salesforce":
            answers |= {"crm_url": url, "crm_client_id": "c"}
        code, _ = desk.connect(vendor, "--yes", **answers)
    assert (code, wire.log) == (1, [])
    assert named in desk.said
    assert not desk.home.exists()
    assert not desk.toml.exists()


def test_a_secret_that_nobody_could_use_is_not_kept_as_the_one_before(desk: Desk) -> None:
    Credentials(desk.home).put("webhook_segment_secrets", "short")
    (check,) = desk.doctor("webhook segment")
    assert not check.ok
    code, _ = desk.connect("segment", webhook_segment_secrets=GOOD)
    assert code == 0, desk.said
    assert [one.get_secret_value() for one in find_settings({}).settings.webhook_segment_secrets] == [GOOD]
    Credentials(desk.home).put("webhook_standard_secrets", "no-base64-of-anything!")
    (check,) = desk.doctor("webhook standard")
    assert (check.ok, "whsec_" in check.detail) == (False, True)


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_the_settings_file_stays_as_readable_as_it_was(desk: Desk, mode: int) -> None:
    desk.toml.write_text('model_key = "sk-very-secret"\n')
    desk.toml.chmod(mode)
    desk.connect("segment", "--to", NOWHERE, webhook_segment_secrets=GOOD, public_url=PUBLIC)
    assert desk.toml.stat().st_mode & 0o777 == mode
    assert 'model_key = "sk-very-secret"' in desk.toml.read_text()
    desk.toml.unlink()
    desk.connect("segment", "--to", NOWHERE, webhook_segment_secrets=GOOD, public_url=PUBLIC)
    assert desk.toml.stat().st_mode & 0o777 == 0o600


def test_the_doctor_asks_a_chat_and_lists_that_stand_alone(desk: Desk) -> None:
    slack, brevo = FakeSlack(SystemClock().now, scopes="chat:write"), FakeBrevo("ld_1")
    with Wire(slack).served() as chat, Wire(brevo).served() as lists:
        desk.connect("slack", slack_url=chat, slack_token=slack.token, slack_channel=CHANNEL)
        (found,) = desk.doctor("connector")
        assert (found.name, found.ok) == ("connector slack", False)
        assert "scopes: give the app channels:history" in found.detail
        code, connected = desk.connect("brevo", programmes_url=lists, programmes_token=brevo.token)
        assert (code, connected["who"]) == (2, "Brevo account of Acme")
        assert Credentials(desk.home).get("programmes_token") == brevo.token
        assert [one.name for one in desk.doctor("connector")] == ["connector brevo_lists", "connector slack"]
    assert not brevo.broken


def test_ready_means_that_the_doctor_has_nothing_to_say(
    desk: Desk, hubspot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, _, url = hubspot
    fake.inner.scopes.remove("crm.objects.contacts.write")
    answers = {"crm_url": url, "crm_token": fake.token, "webhook_hubspot_secrets": GOOD}
    code, found = desk.connect("hubspot", "--yes", **answers)
    assert (code, found["ready"]) == (2, False)
    assert found["lacks"] == desk.doctor("connector hubspot")[0].detail.split("; ")
    assert [line.partition(" ")[0] for line in found["lacks"]] == ["scopes:", "people:"]
    assert find_settings({}).settings.webhook_actors == {"hubspot": "77"}, "the app's own id, from its token"
    monkeypatch.setenv("LEADGRAPH_CONFIG", str(with_people(desk.folder / "config", "hubspot", "901")))
    fake.inner.scopes.append("crm.objects.contacts.write")
    _, found = desk.connect("hubspot", "--yes")
    assert found["lacks"] == []
    (check,) = desk.doctor("connector hubspot")
    assert check.ok
    assert "HubSpot does not tell to what" in check.detail


def test_an_answer_that_something_else_wins_over_is_refused_and_not_kept(
    desk: Desk, hubspot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, wire, url = hubspot
    (desk.folder / "old.token").write_text("revoked")
    desk.toml.write_text(f'crm = "hubspot"\ncrm_url = "{url}"\ncrm_token_file = "old.token"\n')
    code, _ = desk.connect("hubspot", "--yes", crm_token=fake.token)
    assert (code, wire.log, desk.home.exists()) == (1, [], False)
    assert "crm_token_file (leadgraph.toml) wins" in desk.said
    monkeypatch.setenv("LEADGRAPH_CRM", "salesforce")
    code, _ = desk.connect("hubspot", "--yes", crm_url=url, crm_token=fake.token)
    assert code == 1
    assert "LEADGRAPH_CRM" in desk.said
    assert wire.log == []


def test_a_webhook_that_tells_too_little_is_put_right_and_one_that_is_gone_is_noticed(
    desk: Desk, chatwoot: Any
) -> None:
    fake, _, url = chatwoot
    where = f"{PUBLIC}/v1/webhooks/chatwoot"
    fake.hooks.append({"id": 3, "url": where, "subscriptions": ["contact_created"], "secret": GOOD})
    answers = {"desk_url": url, "desk_account": "1", "desk_token": fake.token, "public_url": PUBLIC}
    desk.connect("chatwoot", "--to", NOWHERE, **answers)
    assert fake.hooks[0]["subscriptions"] == ["contact_created"], "nobody has said yes"
    _, found = desk.connect("chatwoot", "--yes", "--to", NOWHERE)
    assert found["hook"].endswith("now for all that is needed")
    assert "webhook: 3 does not tell of message_created" in desk.said
    assert 'PATCH /api/v1/accounts/1/webhooks/3 {"subscriptions":["contact_created",' in desk.said
    assert set(fake.hooks[0]["subscriptions"]) == set(chatwoot_setup.EVENTS)
    assert "webhook" not in desk.doctor("connector chatwoot")[0].detail
    fake.hooks[0]["subscriptions"].remove("message_created")
    assert "webhook: 3 does not tell of message_created" in desk.doctor("connector chatwoot")[0].detail
    fake.hooks.clear()
    fake.inner.inboxes = ()
    detail = desk.doctor("connector chatwoot")[0].detail
    assert f"webhook: none calls {where}" in detail
    assert "inboxes: make our agent a member" in detail
    fake.administers = False
    (now,) = standings(find_settings({}).settings)
    assert not [line for line in now.lacks if line.startswith("webhook:")]
    assert now.untold == ["only an administrator's token is told whether its webhook is set up"]


def test_a_token_that_may_read_and_not_make_is_said_to_be_so_and_not_to_be_wrong(
    desk: Desk, chatwoot: Any
) -> None:
    fake, _, url = chatwoot
    fake.administers = False
    answers = {"desk_url": url, "desk_account": "1", "desk_token": fake.token, "public_url": PUBLIC}
    code, _ = desk.connect("chatwoot", "--yes", "--to", NOWHERE, **answers)
    assert (code, desk.home.exists()) == (1, False)
    assert "our token may not make the label sales-handoff; connect with an administrator's" in desk.said
    code, found = desk.connect("chatwoot", "--to", NOWHERE, **answers)
    assert (code, found["hook"]) == (2, "")
    assert "our token may not see webhooks" in desk.said
    assert found["steps"][0].startswith("Settings, Integrations, Webhooks: https://leads")


def test_zendesks_webhook_is_woken_up(desk: Desk) -> None:
    fake = FreshZendesk()
    fake.hooks.append({"id": "01H", "endpoint": f"{PUBLIC}/v1/webhooks/zendesk", "status": "inactive"})
    with Wire(fake).served() as url:
        answers = {"desk_url": url, "desk_token": fake.inner.token, "public_url": PUBLIC}
        _, found = desk.connect("zendesk", "--yes", "--to", NOWHERE, **answers)
        assert found["hook"] == f"webhook 01H calls {PUBLIC}/v1/webhooks/zendesk, put right"
        assert "webhook: 01H is not active and does not tell of zen:" in desk.said
        assert (fake.hooks[0]["status"], fake.hooks[0]["subscriptions"]) == ("active", list(EVENTS))
        assert find_settings({}).settings.webhook_actors == {"zendesk": "900"}
        fake.hooks[0]["status"] = "inactive"
        assert "webhook: 01H is not active" in desk.doctor("connector zendesk")[0].detail


def test_every_credential_has_a_way_in_that_shows_it_nowhere(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(name: str, value: str) -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{value}\n"))
        return desk.run("credentials", "set", name, "--json")[0]

    for name in sorted(SECRETS):
        value = {"crm_jwt_key": KEY}.get(name, WHSEC if name in KEYED else f"{GOOD}-of-{name}")
        assert put(name, value) == 0, desk.said
    kept = Credentials(desk.home)
    assert kept.ages().keys() == SECRETS
    assert kept.get("crm_jwt_key") == KEY.strip()
    assert (desk.home / "credentials").read_bytes().count(GOOD.encode()) == 0
    assert put("webhook_segment_tokens", f"{GOOD}-next") == 0
    assert kept.get("webhook_segment_tokens") == f"{GOOD}-next,{GOOD}-of-webhook_segment_tokens"
    for name, value, named in (
        ("region", "eu", "is no credential"),
        ("webhook_segment_tokens", "short", "at least 16 signs"),
        ("webhook_secrets", f"{GOOD}-no-base64", "whsec_"),
        ("crm_jwt_key", "-----BEGIN", "no private key"),
        ("desk_token", "two words", "a space"),
        ("desk_token", "", "is empty"),
    ):
        assert put(name, value) == 1
        assert named in desk.said
        assert value in ("", "eu", "short") or value not in desk.said
    monkeypatch.setenv("LEADGRAPH_DESK_TOKEN_FILE", "desk.token")
    assert put("desk_token", "a-newer-token") == 1
    assert "desk_token_file (environment LEADGRAPH_DESK_TOKEN_FILE) wins" in desk.said


def test_salesforce_is_connected_by_a_key_that_lies_sealed(desk: Desk) -> None:
    fake = FakeSalesforce(stated=lambda _: True)
    (desk.folder / "key.pem").write_text(KEY)
    fake.may["Task"]["createable"] = False
    with Wire(fake).served() as url:
        answers = {"crm_url": url, "crm_client_id": "c", "crm_jwt_user": "bot@acme.example"}
        code, found = desk.connect(
            "salesforce", "--yes", crm_jwt_key="@key.pem", webhook_salesforce_secrets=GOOD, **answers
        )
        assert code == 2, desk.said
        assert "Task: give our user the right to create" in found["lacks"]
        (desk.folder / "key.pem").unlink()
        login = login_of(find_settings({}).settings)
        assert asyncio.run(login(None))
        assert find_settings({}).settings.webhook_actors == {"salesforce": login.user}
        code, _ = desk.connect("salesforce", "--yes", crm_client_secret="another-way-in")
    assert code == 1
    assert f"crm_jwt_key ({SEALED}) wins" in desk.said


def test_rudderstack_needs_a_token_alone(desk: Desk) -> None:
    code, _ = desk.connect("segment")
    assert (code, "webhook_segment_secrets: is needed" in desk.said) == (1, True)
    code, _ = desk.connect("segment", webhook_segment_tokens=GOOD)
    assert code == 0, desk.said
    assert Credentials(desk.home).get("webhook_segment_tokens") == GOOD
