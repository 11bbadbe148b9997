"""What each vendor's scheme can refuse is refused, with nothing stored; what it cannot is bound otherwise."""

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from hashlib import sha1, sha256
from pathlib import Path

import pytest

from tests.surfaces.webhooks.house import House, housed
from tests.surfaces.webhooks.sending import CHANGE, JSON, SENDERS, TOKEN, TRACK, as_json
from tests.tools.sources.specs import sample

Settled = Callable[..., House]
SIGNED = [name for name in SENDERS if name != "salesforce"]
TIMED = [name for name in SENDERS if SENDERS[name].timed]
OTHERS = {name: "another-secret-of-theirs" for name in SENDERS} | {
    "standard": "whsec_" + base64.b64encode(b"another-secret-of-theirs").decode()
}

EMPTY = {"standard": "whsec_"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for every refusal: it stays empty."""
    with housed(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    """Houses of other settings over one home, for what comes in."""
    with housed(tmp_path_factory.mktemp("settled")) as made:
        yield lambda **settings: House(made.world, made.home, settings)


def refused(house: House, status: int) -> None:
    """401, and the home is as empty as before."""
    assert status == 401
    assert house.stored() == 0


@pytest.mark.parametrize("name", SENDERS)
def test_what_is_signed_comes_in(name: str, settled: Settled) -> None:
    """At the first time or again: that depends on the test before."""
    answer = settled().send(name)
    assert answer.status_code == 202, answer.text
    taken = answer.json()
    assert taken["accepted"] + taken["duplicates"] == 1 + (name == "salesforce")
    assert taken["quarantined"] == []


@pytest.mark.parametrize("name", SENDERS)
def test_another_key_is_refused(name: str, house: House) -> None:
    refused(house, house.send(name, secret=OTHERS[name]).status_code)


@pytest.mark.parametrize("name", SIGNED)
def test_a_body_that_differs_in_one_byte_is_refused(name: str, house: House) -> None:
    sender = SENDERS[name]
    proof = sender.sign(sender.body, house.seconds, sender.secret)
    refused(house, house.post(name, sender.body[:-2] + b" " + sender.body[-2:], proof).status_code)


@pytest.mark.parametrize("name", SIGNED)
def test_json_that_was_written_anew_is_refused(name: str, house: House) -> None:
    sender = SENDERS[name]
    spaced = json.dumps(json.loads(sender.body), indent=1).encode()
    refused(
        house, house.post(name, sender.body, sender.sign(spaced, house.seconds, sender.secret)).status_code
    )
    refused(
        house, house.post(name, spaced, sender.sign(sender.body, house.seconds, sender.secret)).status_code
    )


@pytest.mark.parametrize("name", SENDERS)
def test_without_any_one_of_its_headers_it_is_refused(name: str, house: House) -> None:
    sender = SENDERS[name]
    proof = sender.sign(sender.body, house.seconds, sender.secret)
    for missing in proof.keys() - {"x-chatwoot-delivery"}:
        rest = {header: value for header, value in proof.items() if header != missing}
        refused(house, house.post(name, sender.body, rest).status_code)
        refused(house, house.post(name, sender.body, {**rest, missing: ""}).status_code)


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("at", [-301, 301, 86_400, -86_400])
def test_a_time_outside_the_window_is_refused_both_ways(name: str, at: float, house: House) -> None:
    refused(house, house.send(name, at=at).status_code)


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("at", [-299, 299])
def test_a_time_within_the_window_passes(name: str, at: float, settled: Settled) -> None:
    assert settled().send(name, at=at).status_code == 202


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize(
    "time", ["", "now", "-1", "1e9", "٣", "9" * 20, "2024-03-01T10:00:00", "+1709287200"]
)
def test_a_time_that_is_none_is_refused(name: str, time: str, house: House) -> None:
    sender = SENDERS[name]
    proof = sender.sign(sender.body, house.seconds, sender.secret)
    timed = next(header for header in proof if "timestamp" in header)
    headers = [(key.encode(), value.encode()) for key, value in {**JSON, **proof, timed: time}.items()]
    refused(
        house, house.client.post(f"/v1/webhooks/{name}", content=sender.body, headers=headers).status_code
    )


@pytest.mark.parametrize("name", SENDERS)
def test_an_empty_secret_opens_nothing(name: str, settled: Settled) -> None:
    sender = SENDERS[name]
    house = settled(**{sender.setting: []})
    before = house.stored()
    answer = house.post(name, sender.body, sender.sign(sender.body, house.seconds, EMPTY.get(name, "")))
    assert answer.status_code == 503
    assert answer.json()["remedy"] == f"set LEADGRAPH_{sender.setting.upper()}"
    assert house.stored() == before


@pytest.mark.parametrize("name", SENDERS)
def test_two_secrets_live_side_by_side_and_a_third_does_not(name: str, settled: Settled) -> None:
    """While one is replaced both pass; when the old one is taken out it passes no more."""
    sender, newer = SENDERS[name], OTHERS[name]
    house = settled(**{sender.setting: [newer, sender.secret]})
    assert [house.send(name, secret=one).status_code for one in (sender.secret, newer)] == [202, 202]
    house = settled(**{sender.setting: [newer]})
    before = house.stored()
    assert house.send(name).status_code == 401
    assert house.stored() == before


@pytest.mark.parametrize("name", SIGNED)
def test_a_signature_that_is_no_text_of_its_scheme_is_refused(name: str, house: House) -> None:
    """Among them the right bytes in another writing, two signatures in one header, and signs beyond ASCII."""
    sender = SENDERS[name]
    proof = sender.sign(sender.body, house.seconds, sender.secret)
    signed = next(header for header in proof if "signature" in header and "timestamp" not in header)
    twice = "" if name == "standard" else f"{proof[signed]}, {proof[signed]}"  # its scheme has a list there
    for bad in ("x", "é" * 40, proof[signed].swapcase(), proof[signed] + "x", twice):
        headers = [(key.encode(), value.encode()) for key, value in {**JSON, **proof, signed: bad}.items()]
        answer = house.client.post(f"/v1/webhooks/{name}", content=sender.body, headers=headers)
        refused(house, answer.status_code)


def test_hubspot_does_not_fall_back_to_an_older_scheme(house: House, settled: Settled) -> None:
    """Version 1 comes in only where an operator lets it, and never beside a wrong version 3; version 2 never."""
    sender = SENDERS["hubspot"]
    older = {
        "x-hubspot-signature": sha256(sender.secret.encode() + sender.body).hexdigest(),
        "x-hubspot-signature-version": "v1",
    }
    refused(house, house.post("hubspot", sender.body, older).status_code)
    lax = settled(webhook_hubspot_v1=True)
    before = lax.stored()
    wrong = {"x-hubspot-signature-v3": "x", "x-hubspot-request-timestamp": str(round(house.seconds * 1000))}
    assert lax.post("hubspot", sender.body, {**older, **wrong}).status_code == 401
    assert lax.post("hubspot", sender.body, {**older, "x-hubspot-signature-version": "v2"}).status_code == 401
    assert lax.stored() == before
    assert lax.post("hubspot", sender.body, older).status_code == 202


def test_hubspot_signs_our_public_address_whatever_host_is_named(settled: Settled) -> None:
    answer = settled().send("hubspot", headers={"host": "evil.example", "x-forwarded-host": "evil.example"})
    assert answer.status_code == 202
    other = settled(public_url="https://elsewhere.example")
    assert other.send("hubspot", headers={"host": "leads.example.com"}).status_code == 401
    assert settled(public_url=None).send("hubspot").json()["remedy"] == "set LEADGRAPH_PUBLIC_URL"


def test_a_request_of_intercom_sent_again_later_changes_nothing(tmp_path: Path) -> None:
    """Its scheme has no time, so a captured request passes for ever: it says the same thing, so it is a duplicate."""
    with housed(tmp_path) as house:
        assert house.send("intercom").json()["accepted"] == 1
        again = house.send("intercom", at=-10_000_000)
        assert (again.status_code, again.json()["accepted"], again.json()["duplicates"]) == (202, 0, 1)


def test_a_list_of_segment_needs_a_token_as_only_its_first_event_is_signed(tmp_path: Path) -> None:
    """Else whoever captured one signed event could add any others behind it."""
    forged = as_json([TRACK, {**TRACK, "messageId": "m-2", "userId": "victim"}])
    proof = {"x-signature": hmac.new(SENDERS["segment"].secret.encode(), as_json(TRACK), sha1).hexdigest()}
    with housed(tmp_path, webhook_segment_tokens=[TOKEN]) as house:
        assert house.post("segment", forged, proof).status_code == 401
        assert house.post("segment", forged).status_code == 401
        assert house.post("segment", forged, {"x-signature": "x", **bearer(TOKEN)}).status_code == 401
        assert house.stored() == 0
        assert house.post("segment", forged, {**proof, **bearer(TOKEN)}).json()["accepted"] == 2


def test_an_unsigned_source_takes_only_a_token_that_we_issued(tmp_path: Path) -> None:
    """RudderStack and Salesforce sign nothing: in the address, as a bearer, or as the password of a Basic login."""
    sender, basic = SENDERS["salesforce"], base64.b64encode(f"leadgraph:{TOKEN}".encode()).decode()
    with housed(tmp_path, webhook_segment_tokens=[TOKEN], webhook_segment_secrets=[]) as house:
        for path, headers in (
            ("salesforce", {}), ("salesforce/wrong-token-of-ours", {}), ("salesforce", bearer("wrong")),
            ("salesforce", {"authorization": "Basic !"}), ("salesforce", {"authorization": TOKEN}),
            (f"salesforce/{TOKEN}", bearer("wrong")),
        ):  # fmt: skip
            assert house.post(path, sender.body, headers).status_code == 401, (path, headers)
        assert house.stored() == 0
        assert house.post(f"salesforce/{TOKEN}", sender.body).json()["accepted"] == 2
        assert (
            house.post("salesforce", sender.body, {"authorization": f"Basic {basic}"}).json()["duplicates"]
            == 2
        )
        assert house.post("segment", SENDERS["segment"].body, bearer(TOKEN)).json()["accepted"] == 1


def test_a_path_token_opens_no_signed_source(house: House) -> None:
    sender = SENDERS["chatwoot"]
    refused(house, house.post(f"chatwoot/{sender.secret}", sender.body).status_code)


def test_one_event_of_hubspot_under_another_method_or_path_is_refused(house: House) -> None:
    sender = SENDERS["hubspot"]
    proof = sender.sign(sender.body, house.seconds, sender.secret)
    assert (
        house.client.put("/v1/webhooks/hubspot", content=sender.body, headers={**JSON, **proof}).status_code
        == 405
    )
    assert house.post("nobody", sender.body, proof).status_code == 404
    assert CHANGE["eventId"] == json.loads(sender.body)[0]["eventId"]


def test_each_published_signature_verifies(data_dir: Path) -> None:
    """Vectors of HubSpot (version 3 and 1) and of Standard Webhooks; one sign more or less does not."""
    from domain.ports.receivers import Delivery, Unproven
    from tools.sources import hubspot, standard

    found = json.loads(sample(data_dir, "hubspot", "signature_vectors.json"))
    newer, older = found["vectors"]
    at = int(newer["timestamp_ms"]) * 1000
    headers = {
        "x-hubspot-signature-v3": newer["signature"],
        "x-hubspot-request-timestamp": newer["timestamp_ms"],
    }
    for body in (newer["body"], newer["body"] + " "):
        with pytest.raises(Unproven) if body != newer["body"] else nullcontext():
            hubspot.verify(
                Delivery(headers, body.encode()), now=at, secrets=[found["client_secret"]], url=newer["uri"]
            )
    old = {"x-hubspot-signature": older["signature"], "x-hubspot-signature-version": "v1"}
    delivery = Delivery(old, older["body"].encode())
    hubspot.verify(delivery, now=at, secrets=[found["client_secret"]], older=True)
    with pytest.raises(Unproven):
        hubspot.verify(delivery, now=at, secrets=[found["client_secret"]])
    vector = json.loads(sample(data_dir, "standard-webhooks", "signature_vector.json"))
    delivery = Delivery(vector, vector["body"].encode())
    at = int(vector["webhook-timestamp"]) * 1_000_000
    standard.verify(delivery, now=at, secrets=[vector["secret"]])
    with pytest.raises(Unproven):
        standard.verify(delivery, now=at, secrets=["whsec_" + base64.b64encode(b"x" * 24).decode()])


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
