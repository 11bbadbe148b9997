"""``leadgraph keys``: made, listed and revoked beside a server that holds the home."""

import asyncio
from pathlib import Path

import orjson
import pytest

from domain.access import Scope
from surfaces.cli.context import Exit
from tests.surfaces.cli.acting_world import World


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    return World(tmp_path, capsys)


def test_a_key_is_made_beside_a_server_shown_once_and_known_there_until_it_is_revoked(world: World) -> None:
    with world.home() as home:
        keys = home.access
        assert keys is not None
        code, out = world.call("keys", "create", "Ada", "--role", "approver", "--region", "us", "--json")
        made = orjson.loads(out)
        assert (code, made["scopes"], made["region"]) == (Exit.OK, ["approve", "read"], "us")
        found = asyncio.run(keys.find(home.tenant, made["secret"], now=home.clock.now()))
        assert found is not None
        assert (found.name, found.may(Scope.APPROVE), found.may(Scope.INGEST)) == ("Ada", True, False)
        code, out = world.call("keys", "list", "--json")
        assert [one["key"] for one in orjson.loads(out)] == [made["key"]]
        assert made["secret"][-64:] not in out
        assert world.call("keys", "revoke", made["key"])[0] == Exit.OK
        assert asyncio.run(keys.find(home.tenant, made["secret"], now=home.clock.now())) is None


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("create", "Ada"), "scopes"),
        (("create", "Ada", "--role", "king"), "king"),
        (("create", "Ada", "--role", "viewer", "--region", "moon"), "moon"),
        (("create", "Ada", "--role", "viewer", "--expires", "2001-01-01"), "expires"),
        (("create", "Ada", "--role", "viewer", "--expires", "soon"), "--expires"),
        (("revoke", "nobody"), "no such key"),
    ],
)
def test_a_mistake_is_named_and_makes_no_key(world: World, words: tuple[str, ...], named: str) -> None:
    assert world.call("keys", *words)[0] == Exit.ERROR
    assert named in " ".join(world.err.getvalue().split())
    assert world.call("keys", "list", "--json") == (Exit.OK, "[]\n")
