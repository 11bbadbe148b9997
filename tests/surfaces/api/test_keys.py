"""Who is let in: every route of the application, asked for from the application itself."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from domain.access import Scope
from domain.errors import Throttled
from domain.ids import Region, TenantId
from domain.instants import DAY
from domain.ports.access import ApiKeys
from domain.ports.home import Home
from surfaces.api.app import Terms, build_app
from surfaces.api.guesses import BURST, PER_MINUTE, PLACES, Guesses
from surfaces.api.rates import Rates
from tests.surfaces.talk_world import Ears, open_talks
from tools.receivers import SettingsReceivers

OPEN = frozenset({"/healthz", "/openapi.json"})
"""Routes that anybody may ask."""
PROVEN = ("/v1/webhooks/", "/v1/slack/")
"""Routes whose callers prove themselves otherwise."""
THERE = Terms(key="of the settings")
OTHER = TenantId("other")


@dataclass(frozen=True, slots=True)
class World:
    """A server beyond this machine, and keys of all kinds."""

    home: Home
    app: FastAPI
    keys: dict[str, str]
    ids: dict[str, str]

    @property
    def client(self) -> TestClient:
        return TestClient(self.app, raise_server_exceptions=False)


async def _made(home: Home, keys: ApiKeys) -> tuple[dict[str, str], dict[str, str]]:
    now, secrets, ids = home.clock.now(), dict[str, str](), dict[str, str]()
    wanted: Sequence[tuple[str, TenantId, frozenset[Scope], int | None]] = [
        *((str(scope), home.tenant, frozenset({scope}), None) for scope in Scope),
        ("other", OTHER, frozenset(Scope), None),
        ("revoked", home.tenant, frozenset(Scope), None),
        ("expired", home.tenant, frozenset(Scope), now - 1),
    ]
    for name, tenant, scopes, ends in wanted:
        at = now if ends is None else now - DAY
        terms: dict[str, Any] = {"name": name, "scopes": scopes, "by": "root", "now": at, "expires_at": ends}
        key, secrets[name] = await keys.make(tenant, home.region, **terms)
        ids[name] = key.caller.key_id
    await keys.revoke(home.tenant, ids["revoked"], by="root", now=now)
    return secrets, ids


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADGRAPH_MEMORY", "off")
        with open_talks(tmp_path_factory.mktemp("keys")) as home:
            assert home.access is not None
            secrets, ids = asyncio.run(_made(home, home.access))
            app = build_app(home, Ears(), THERE, receivers=SettingsReceivers(home.settings))
            yield World(home, app, secrets, ids)


def guarded(app: FastAPI, *, named: bool = True) -> list[tuple[str, str]]:
    """(method, path) of every route but those named above; unless `named`, the template of the path."""
    routes = [
        (method, re.sub(r"\{\w+\}", "l", str(route.path)) if named else str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in sorted(route.methods or ())
    ]
    return [(m, p) for m, p in routes if p not in OPEN and not p.startswith(PROVEN) and m != "HEAD"]


def asked(world: World, method: str, path: str, key: str | None) -> Any:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return world.client.request(method, path, headers=headers)


def test_no_route_lets_in_who_shows_no_key_or_one_that_is_none_here(world: World) -> None:
    """No key, a guess, another tenant's, a revoked and an expired one: on every route 401, in the same words."""
    routes = guarded(world.app)
    assert len(routes) > 10
    shown = [None, "guess", *(world.keys[name] for name in ("other", "revoked", "expired"))]
    for method, path in routes:
        answers = [asked(world, method, path, key) for key in shown]
        assert [one.status_code for one in answers] == [401] * len(shown), (method, path)
        assert len({one.text for one in answers}) == 1
        assert answers[0].headers["www-authenticate"] == "Bearer"


def test_every_route_asks_for_one_scope_and_names_it_to_who_lacks_it(world: World) -> None:
    for method, path in guarded(world.app):
        answers = {
            scope: asked(world, method, path, world.keys[scope])
            for scope in (Scope.INGEST, Scope.READ, Scope.APPROVE)
        }
        refused = {scope for scope, one in answers.items() if one.status_code == 403}
        assert len(refused) >= 2, (method, path)
        (needed,) = {answers[scope].json()["remedy"].rpartition(" ")[2] for scope in refused}
        assert refused == set(answers) - {needed}, (method, path)
        assert asked(world, method, path, world.keys[Scope.ADMIN]).status_code not in {401, 403}


def test_the_key_of_the_settings_is_an_admin_key(world: World) -> None:
    assert asked(world, "GET", "/v1/leads", "of the settings").status_code == 200


def test_a_key_that_is_revoked_while_the_server_runs_is_let_in_no_more(world: World) -> None:
    keys, home = world.home.access, world.home
    assert keys is not None
    terms: dict[str, Any] = {"name": "short", "scopes": frozenset({Scope.READ}), "by": "root"}
    key, secret = asyncio.run(keys.make(home.tenant, home.region, **terms, now=home.clock.now()))
    assert asked(world, "GET", "/v1/leads", secret).status_code == 200
    asyncio.run(keys.revoke(home.tenant, key.caller.key_id, by="root", now=home.clock.now()))
    assert asked(world, "GET", "/v1/leads", secret).status_code == 401


def test_without_any_key_this_machine_is_let_in_until_the_first_one_is_made(world: World) -> None:
    class Keys:
        kept: tuple[str, ...] = ()

        async def all(self, _: TenantId) -> tuple[str, ...]:
            return self.kept

        async def find(self, *_: object, **__: object) -> None:
            return None

    keys: Any = Keys()
    home = replace(world.home, access=keys)
    assert TestClient(build_app(home, Ears(), Terms(open_=True))).get("/v1/leads").status_code == 200
    assert TestClient(build_app(home, Ears(), Terms(open_=False))).get("/v1/leads").status_code == 401
    keys.kept = ("one",)
    assert TestClient(build_app(home, Ears(), Terms(open_=True))).get("/v1/leads").status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8080", 200), ("localhost", 200), ("[::1]:8080", 200), ("evil.example:8080", 401), ("", 401)],
)
def test_an_open_server_is_not_asked_under_a_strangers_name(world: World, host: str, status: int) -> None:
    """A page in a browser can let its own name stand for this machine; then it would read what we answer."""
    terms = Terms(open_=True, hosts=frozenset({"127.0.0.1", "localhost", "::1"}))
    client = TestClient(build_app(replace(world.home, access=None), Ears(), terms))
    assert client.get("/v1/leads", headers={"host": host}).status_code == status


def test_a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_not_hindered(
    world: World,
) -> None:
    now = [0.0]
    rates = Rates(60, 3, now=lambda: now[0])
    client = TestClient(build_app(world.home, Ears(), replace(THERE, rates=rates)))

    def ask(name: str) -> Any:
        return client.get("/v1/leads", headers={"authorization": f"Bearer {world.keys[name]}"})

    first = [ask("read") for _ in range(4)]
    assert [one.status_code for one in first] == [200, 200, 200, 429]
    assert [one.headers.get("ratelimit-remaining") for one in first[:3]] == ["2", "1", "0"]
    assert first[3].headers["retry-after"] == "1"
    assert first[3].json()["type"] == "urn:leadgraph:key_rate"
    assert ask("admin").status_code == 200
    now[0] = 1.0
    assert [ask("read").status_code, ask("read").status_code] == [200, 429]


def test_the_key_of_the_settings_has_a_rate_too(world: World) -> None:
    rates = Rates(60, 2, now=lambda: 0.0)
    client = TestClient(build_app(world.home, Ears(), replace(THERE, rates=rates)))
    shown = {"authorization": "Bearer of the settings"}
    assert [client.get("/v1/leads", headers=shown).status_code for _ in range(3)] == [200, 200, 429]


def test_an_open_server_lets_nobody_in_for_whom_another_asks(world: World) -> None:
    """A server in front asks for the whole world, and under our own name: its address says nothing."""
    client = TestClient(build_app(replace(world.home, access=None), Ears(), Terms(open_=True)))
    for path in ("/v1/leads", "/v1/approvals", "/metrics", "/readyz"):
        assert client.get(path).status_code == 200
        for name in ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-IP"):
            answer = client.get(path, headers={name: "203.0.113.9"})
            assert (answer.status_code, answer.json()["field"]) == (401, name.lower())
    assert client.get("/healthz", headers={"via": "203.0.113.9"}).status_code == 200


def test_a_guess_costs_and_who_is_known_is_let_in_from_the_same_place(world: World) -> None:
    """Behind one proxy all come from one place: who guesses there keeps out neither known keys nor other places."""
    now = [0.0]
    guesses = Guesses(now=lambda: now[0])
    app = build_app(world.home, Ears(), replace(THERE, guesses=guesses))

    def ask(key: str, place: str = "198.51.100.7") -> Any:
        client = TestClient(app, client=(place, 1))
        return client.get("/v1/leads", headers={"authorization": f"Bearer {key}"})

    assert ask(world.keys["read"]).status_code == 200
    assert [ask("the same").status_code for _ in range(BURST + 5)] == [401] * (BURST + 5)
    assert [ask(f"guess {n}").status_code for n in range(BURST)] == [401] * (BURST - 1) + [429]
    refused = ask(world.keys["admin"])
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:leadgraph:guesses")
    assert refused.headers["retry-after"] == str(60 // PER_MINUTE)
    assert ask(world.keys["read"]).status_code == 200
    assert ask("of the settings").status_code == 429, "a right guess is not listened to either"
    assert ask(world.keys["admin"], "203.0.113.9").status_code == 200
    assert ask(world.keys["admin"]).status_code == 200, "it is known now, wherever it comes from"
    now[0] = 60 / PER_MINUTE
    assert ask("of the settings").status_code == 200
    assert TestClient(app, client=("198.51.100.7", 1)).get("/v1/leads").status_code == 401


@pytest.mark.parametrize(
    ("proxies", "address", "forwarded", "place"),
    [
        (0, "198.51.100.7", "1.1.1.1", "198.51.100.7"),
        (1, "127.0.0.1", "9.9.9.9, 198.51.100.7", "198.51.100.7"),
        (2, "127.0.0.1", "9.9.9.9, 198.51.100.7, 10.0.0.1", "198.51.100.7"),
        (1, "198.51.100.7", "", "198.51.100.7"),
        (0, "::ffff:198.51.100.7", "", "198.51.100.7"),
    ],
    ids=[
        "a header without a proxy",
        "a header that lies",
        "two proxies",
        "past the proxy",
        "in the new form",
    ],
)
def test_a_guess_is_laid_to_the_address_that_our_own_proxies_saw(
    proxies: int, address: str, forwarded: str, place: str
) -> None:
    guesses = Guesses(proxies=proxies, now=lambda: 0.0)
    header = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    for n in range(BURST):
        guesses.wrong(f"guess {n}", {"client": (address, n), "headers": header})
    with pytest.raises(Throttled):
        guesses.before("more", {"client": (address, 1), "headers": header})
    alone = {"client": (place, 1), "headers": [(b"x-forwarded-for", place.encode())]}
    with pytest.raises(Throttled):
        guesses.before("more", alone)


def test_all_addresses_of_one_network_are_one_guesser_and_what_is_remembered_is_bounded() -> None:
    guesses = Guesses(now=lambda: 0.0)
    for n in range(BURST):
        guesses.wrong(f"guess {n}", {"client": (f"2001:db8:1:2::{n:x}", 1), "headers": []})
    with pytest.raises(Throttled):
        guesses.before("more", {"client": ("2001:db8:1:2:ffff::1", 1), "headers": []})
    guesses.before("more", {"client": ("2001:db8:1:3::1", 1), "headers": []})
    for n in range(PLACES + 10):
        guesses.wrong(f"other {n}", {"client": (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 1), "headers": []})
    assert (len(guesses._wrong), len(guesses._left._kept)) == (PLACES, PLACES)


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    now = [0.0]
    rates = Rates(60, 2, now=lambda: now[0])
    rates.take("k")
    now[0] = 3_600.0
    assert [rates.take("k").left, rates.take("k").left] == [1, 0]
    with pytest.raises(Throttled):
        rates.take("k")


def test_what_a_key_sees_is_of_its_own_region(world: World) -> None:
    keys, home = world.home.access, world.home
    assert keys is not None
    terms: dict[str, Any] = {"name": "us", "scopes": frozenset(Scope), "by": "root", "now": home.clock.now()}
    _, us = asyncio.run(keys.make(home.tenant, Region("us"), **terms))
    item = {
        "id": "1", "source": "web", "kind": "web.form", "keys": {"crm_id": "region-1"},
        "occurred_at": "2026-03-02T10:00:00Z", "payload": {"form": "demo"}, "consent": "granted",
    }  # fmt: skip
    headers = {"authorization": f"Bearer {us}"}
    assert world.client.post("/v1/signals", json=item, headers=headers).json()["accepted"] == 1
    assert asked(world, "GET", "/v1/leads/crm_id:region-1", us).status_code == 200
    assert asked(world, "GET", "/v1/leads/crm_id:region-1", world.keys["read"]).status_code == 404
