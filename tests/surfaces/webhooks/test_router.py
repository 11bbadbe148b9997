"""The door for webhooks: sizes and forms are refused before anything is kept, and 2xx means that it is on disk."""

import gzip
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient

from domain.errors import Backpressure, Temporary
from domain.ports.inbox import Accepted
from surfaces.api.app import Terms, build_app
from surfaces.webhooks.counted import EVENTS
from tests.surfaces.door_world import now
from tests.surfaces.webhooks.house import SECRETS, House, housed
from tests.surfaces.webhooks.sending import CHANGE, JSON, SENDERS, TOKEN, URL, VISIT, WORDS, as_json
from tools.receivers import SettingsReceivers
from tools.settings import find_settings
from tools.sources.salesforce import ACK


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for every refusal: it stays empty."""
    with housed(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "text/xml", "multipart/form-data", "application/x-www-form-urlencoded"]
)
def test_another_content_type_is_refused(kind: str, house: House) -> None:
    assert house.send("chatwoot", headers={"content-type": kind}).status_code == 415
    assert house.stored() == 0


@pytest.mark.parametrize("name", ["hubspot", "segment", "salesforce"])
def test_five_megabytes_are_refused_with_and_without_their_length(name: str, house: House) -> None:
    large = b"[" + b" " * 5_000_000 + b"]"
    proof = SENDERS[name].sign(large, house.seconds, SENDERS[name].secret)
    assert house.post(name, large, proof).status_code == 413
    chunks = (large[start : start + 65_536] for start in range(0, len(large), 65_536))
    answer = house.client.post(f"/v1/webhooks/{name}", content=chunks, headers={**JSON, **proof})
    assert answer.status_code == 413
    assert house.stored() == 0


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"", b"{", b"\xff", b'[{"a":1,"a":2}]',
        b"[NaN]", b"[1e999999999999", b"[" + b"9" * 5_000 + b"]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["hubspot", "segment", "chatwoot"])
def test_json_that_is_none_or_too_deep_is_refused(name: str, body: bytes, house: House) -> None:
    answer = house.send(name, body)
    assert answer.status_code in {400, 401, 422}  # 401: a list of Segment shows no token
    assert house.stored() == 0


def test_a_bomb_of_gzip_is_never_unpacked_whole(house: House) -> None:
    """Ten megabytes in ten kilobytes, signed as they came; and streams that end early or go on."""
    bomb = gzip.compress(b" " * 10_000_000)
    packed = {"content-encoding": "gzip"}
    assert house.send("standard", bomb, headers=packed).status_code == 413
    good = gzip.compress(as_json(VISIT))
    for bad in (good[:-4], good + good, good + b"x", gzip.compress(good), b"no gzip", b""):
        assert house.send("standard", bad, headers=packed).status_code == 400
    assert house.send("chatwoot", good, headers=packed).status_code == 415
    assert house.send("standard", good, headers={"content-encoding": "br"}).status_code == 415
    assert house.stored() == 0


def test_what_is_packed_is_proven_as_it_came(tmp_path: Path) -> None:
    with housed(tmp_path) as house:
        good = gzip.compress(as_json(VISIT))
        assert house.send("standard", good, headers={"content-encoding": "gzip"}).json()["accepted"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
        b"<?xml version='1.0'?><!DOCTYPE x SYSTEM 'file:etc'><x/>",
        b"<a>" * 10_000 + b"</a>" * 10_000,
        b"<a>",
        b"<Envelope/>",
    ],
)
def test_xml_with_entities_or_too_deep_is_refused(body: bytes, house: House) -> None:
    answer = house.post(f"salesforce/{TOKEN}", body, {"content-type": "text/xml"})
    assert answer.status_code in {400, 422}
    assert house.stored() == 0


def test_an_outbound_message_is_acknowledged_in_its_own_words(tmp_path: Path) -> None:
    """Not 2xx alone: Salesforce looks for the Ack. What a session it holds is kept nowhere."""
    with housed(tmp_path) as house:
        answer = house.post(f"salesforce/{TOKEN}", OUTBOUND, {"content-type": "text/xml; charset=utf-8"})
        assert (answer.status_code, answer.content) == (200, ACK)
        assert answer.headers["content-type"].startswith("text/xml")
        (signal,) = now(house.world.signals("salesforce:00Q1"))
        assert (signal.kind, signal.account) == ("identity.identify", "Acme")
        assert b"secret-session" not in b"".join(
            file.read_bytes() for file in tmp_path.iterdir() if file.is_file()
        )


def test_nothing_is_acknowledged_that_is_not_on_disk(tmp_path: Path) -> None:
    """A store that cannot write: the vendor hears that it must come again, and then it is there once."""
    failing: list[Exception] = [Temporary("the disk is full"), Backpressure(10, 10, 120)]
    with housed(tmp_path, inbox=lambda inbox: Failing(inbox, failing)) as house:
        for wait in ("5", "59"):
            answer = house.send("chatwoot")
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == wait
            assert house.stored() == 0
        failing.append(Temporary("again"))
        outbound = house.post(f"salesforce/{TOKEN}", OUTBOUND, {"content-type": "text/xml"})
        assert outbound.status_code == 503
        assert ACK not in outbound.content
        assert house.send("chatwoot").json()["accepted"] == 1
        assert house.stored() == 1


def test_an_answer_that_got_lost_costs_nothing(tmp_path: Path) -> None:
    """Stored, but the vendor hears of an error and sends it again: a duplicate."""
    late: list[Exception] = [Temporary("lost after the commit")]
    with housed(tmp_path, inbox=lambda inbox: Failing(inbox, late, after=True)) as house:
        assert house.send("hubspot").status_code == 503
        assert house.send("hubspot").json()["duplicates"] == 1


def test_what_is_not_for_us_is_answered_with_2xx_and_counted(tmp_path: Path) -> None:
    before = EVENTS.labels("chatwoot", "ignored:kind")._value.get()
    with housed(tmp_path) as house:
        answer = house.send("chatwoot", as_json({"event": "conversation_typing_on"}))
        assert (answer.status_code, answer.json()["ignored"]) == (202, {"kind": 1})
        assert house.stored() == 0
    assert EVENTS.labels("chatwoot", "ignored:kind")._value.get() == before + 1


def test_an_event_that_lacks_what_it_needs_is_kept_aside(tmp_path: Path) -> None:
    """Proven, so it is not thrown away: it waits in quarantine, and the others go on."""
    with housed(tmp_path) as house:
        body = as_json([{**CHANGE, "objectId": None}, CHANGE, {**CHANGE, "eventId": 8, "occurredAt": "soon"}])
        answer = house.send("hubspot", body).json()
        assert (answer["accepted"], [one["index"] for one in answer["quarantined"]]) == (1, [0, 2])
        assert [held.source for held in now(house.world.held())] == ["hubspot", "hubspot"]


def test_repeats_and_shuffles_of_batches_are_all_accounted_for(tmp_path: Path) -> None:
    """Two hundred changes, each sent three times in batches of another order and with another attempt."""
    changes = [
        {**CHANGE, "eventId": n, "objectId": n % 17, "occurredAt": 1709286300000 + n} for n in range(200)
    ]
    sent = [{**change, "attemptNumber": attempt} for attempt in range(3) for change in changes]
    random.Random(7).shuffle(sent)
    with housed(tmp_path) as house:
        answers = [
            house.send("hubspot", as_json(sent[start : start + 100])).json() for start in range(0, 600, 100)
        ]
        assert sum(answer["accepted"] for answer in answers) == 200
        assert sum(answer["duplicates"] for answer in answers) == 400
        assert all(answer["quarantined"] == [] for answer in answers)


def test_more_events_than_the_door_takes_at_once_come_in_all(tmp_path: Path) -> None:
    with housed(tmp_path) as house:
        visits = [{**VISIT, "id": f"v-{n}"} for n in range(1_001)]
        assert house.send("standard", as_json(visits)).json()["accepted"] == 1_001


def test_what_arrives_too_slowly_is_cut_off(house: House) -> None:
    """A body that never ends; the house waits a fifth of a second."""
    import asyncio

    async def drip() -> list[Any]:
        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0.05)
            return {"type": "http.request", "body": b" ", "more_body": True}

        answers: list[Any] = []

        async def send(message: Any) -> None:
            answers.append(message)

        headers = [(b"content-type", b"application/json"), (b"host", b"x")]
        scope = {
            "type": "http", "method": "POST", "path": "/v1/webhooks/chatwoot", "headers": headers, "query_string": b"",
            "http_version": "1.1", "scheme": "http", "raw_path": b"", "root_path": "",
        }  # fmt: skip
        await house.client.app(scope, receive, send)
        return answers

    assert asyncio.run(drip())[0]["status"] == 408
    assert house.stored() == 0


def test_the_served_application_takes_webhooks_without_the_key_of_the_api(tmp_path: Path) -> None:
    """They prove themselves; everything else of it still wants the key."""
    with housed(tmp_path) as house:
        receivers = SettingsReceivers(find_settings({}, public_url=URL, **SECRETS).settings)
        served = TestClient(build_app(house.home, cast(Any, None), Terms(key="k"), receivers=receivers))
        proof = SENDERS["zendesk"].sign(SENDERS["zendesk"].body, house.seconds, SENDERS["zendesk"].secret)
        sent: Any = {"content": SENDERS["zendesk"].body, "headers": {**JSON, **proof}}
        assert served.post("/v1/webhooks/zendesk", **sent).status_code == 202
        assert served.post("/v1/handoff", **sent).status_code == 401


def test_the_address_names_a_source_that_there_is(house: House) -> None:
    assert house.post("nobody", b"{}").status_code == 404
    assert house.client.get("/v1/webhooks/hubspot").status_code == 405


def test_a_problem_says_nothing_of_what_was_sent(house: House) -> None:
    answer = house.send("chatwoot", secret="another-secret-of-theirs", headers={"x-note": "ann@acme.example"})
    assert set(answer.json()) == {"type", "title", "status", "detail"}
    assert "acme" not in answer.text
    assert json.loads(SENDERS["chatwoot"].body) == WORDS


OUTBOUND = b"""<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><s:Body><notifications
 xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D1</OrganizationId>
 <SessionId>secret-session</SessionId><Notification><Id>04l1</Id><sObject xsi:type="sf:Lead"
 xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>00Q1</sf:Id><sf:Company>Acme</sf:Company>
 <sf:LastModifiedDate>2024-03-01T09:00:00.000Z</sf:LastModifiedDate></sObject></Notification></notifications>
</s:Body></s:Envelope>"""


class Failing:
    """An inbox that raises what is listed, one a batch, before or after the batch is stored."""

    def __init__(self, inbox: Any, errors: list[Exception], *, after: bool = False) -> None:
        self._accept: Callable[..., Any] = inbox.accept
        self._errors, self._after = errors, after

    async def accept(self, items: Sequence[Any], **how: Any) -> Accepted:
        error = self._errors.pop(0) if self._errors else None
        if error is not None and not self._after:
            raise error
        taken: Accepted = await self._accept(items, **how)
        if error is not None:
            raise error
        return taken
