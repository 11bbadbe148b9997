"""Who is let in: every route of the application, asked for from the application itself."""

import asyncio
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
from surfaces.api.rates import Rates
from tests.surfaces.talk_world import Ears, open_talks
from tools.receivers import SettingsReceivers

OPEN = frozenset({"/healthz", "/openapi.json"})
"""Routes that anybody may ask."""
PROVEN = ("/v1/webhooks/", "/v1/slack/")
"""Routes whose callers prove themselves otherwise."""
THERE = Terms(key="of the settings", here=False)
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


def guarded(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path) of every route but those named above."""
    routes = [
        (method, str(route.path).replace("{lead}", "l").replace("{decision}", "d"))
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
    assert TestClient(build_app(home, Ears(), Terms())).get("/v1/leads").status_code == 200
    assert TestClient(build_app(home, Ears(), Terms(here=False))).get("/v1/leads").status_code == 401
    keys.kept = ("one",)
    assert TestClient(build_app(home, Ears(), Terms())).get("/v1/leads").status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8080", 200), ("localhost", 200), ("[::1]:8080", 200), ("evil.example:8080", 401), ("", 401)],
)
def test_an_open_server_is_not_asked_under_a_strangers_name(world: World, host: str, status: int) -> None:
    """A page in a browser can let its own name stand for this machine; then it would read what we answer."""
    terms = Terms(hosts=frozenset({"127.0.0.1", "localhost", "::1"}))
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
