"""Looking after what is sealed: names and ages are shown, values never; sealing anew loses nothing."""

import base64
import io
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from rich.console import Console

import app
from domain.errors import ConfigError
from domain.instants import DAY, SECOND
from surfaces.cli.context import Cli
from surfaces.cli.root import run
from tools.clock import SystemClock
from tools.credentials import Credentials
from tools.diagnosis import diagnose
from tools.settings import find_settings

VALUES = {"crm_refresh_token": "refresh-0", "desk_token": "a-desk-token"}
GRANT = "grant-hubspot-0123456789ab"


@dataclass
class Keeper:
    """A person whose home keeps some credentials."""

    home: Path
    capsys: pytest.CaptureFixture[str]
    shown: str = ""
    """All that was ever shown."""

    def __call__(self, *words: str) -> tuple[int, Any]:
        told = io.StringIO()
        quiet = Console(file=told, width=200)
        code = run(
            Cli(open=app.open_home, tools=app.Toolbox(), out=quiet, err=quiet), ["credentials", *words]
        )
        out = self.capsys.readouterr().out
        self.shown += out + told.getvalue()
        return code, orjson.loads(out) if out else told.getvalue()

    @property
    def kept(self) -> Credentials:
        return Credentials(self.home)


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Keeper:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADGRAPH_DESK_TOKEN", "another-desk-token")
    earlier = SystemClock().now() - 3 * DAY - SECOND
    kept = Credentials(tmp_path / ".leadgraph", now=lambda: earlier)
    for name, value in {**VALUES, GRANT: '["refresh-1", "access-1", 0]'}.items():
        kept.put(name, value)
    return Keeper(tmp_path / ".leadgraph", capsys)


def test_names_and_ages_are_shown_and_what_wins_over_them_and_never_a_value(keeper: Keeper) -> None:
    code, rows = keeper("list", "--json")
    assert code == 0
    assert {row["name"]: row["used"] for row in rows} == {
        "crm_refresh_token": "in use",
        "desk_token": "not in use: environment LEADGRAPH_DESK_TOKEN wins",
        GRANT: "came of crm_refresh_token",
    }
    assert {row["age_s"] // 86_400 for row in rows} == {3}
    _, told = keeper("list")
    assert "crm_refresh_token  3 days ago  in use" in told
    keeper("rotate")
    keeper("forget", "desk_token")
    assert not [value for value in (*VALUES.values(), "refresh-1", "access-1") if value in keeper.shown]


def test_sealed_under_a_new_key_all_opens_and_the_old_key_opens_nothing(keeper: Keeper) -> None:
    file = keeper.home / "credentials"
    before, all_of_it = orjson.loads(file.read_bytes()), keeper.kept.all()
    old = _own_key(keeper.home, before["key"])
    assert AESGCM(old).decrypt(*_parts(before, "desk_token")) == b"a-desk-token"
    assert keeper("rotate", "--json") == (0, {"sealed": 3})
    after = orjson.loads(file.read_bytes())
    assert keeper.kept.all() == all_of_it
    assert {name: one["at"] for name, one in after["kept"].items()} == {
        name: one["at"] for name, one in before["kept"].items()
    }
    for name in after["kept"]:
        with pytest.raises(Exception, match=r"^$"):
            AESGCM(old).decrypt(*_parts(after, name))


def test_forgetting_a_refresh_token_forgets_what_came_of_it(keeper: Keeper) -> None:
    assert keeper("forget", "crm_refresh_token", "--json") == (0, {"forgotten": "crm_refresh_token"})
    assert list(keeper.kept.ages()) == ["desk_token"]
    code, told = keeper("forget", "crm_refresh_token")
    assert (code, "there is desk_token" in told) == (1, True)


def test_one_that_does_not_open_is_named_and_can_be_forgotten(keeper: Keeper) -> None:
    """Every other command stops at it."""
    file = keeper.home / "credentials"
    document = orjson.loads(file.read_bytes())
    document["kept"]["desk_token"]["sealed"] = document["kept"][GRANT]["sealed"]
    file.write_bytes(orjson.dumps(document))
    with pytest.raises(ConfigError, match="desk_token cannot be opened"):
        find_settings()
    assert keeper("forget", "desk_token")[0] == 0
    assert find_settings().settings.crm_refresh_token is not None


def test_a_grant_that_does_not_open_stops_no_command(keeper: Keeper) -> None:
    """It is opened by who uses it, and named with its own remedy."""
    file = keeper.home / "credentials"
    document = orjson.loads(file.read_bytes())
    document["kept"][GRANT]["sealed"] = document["kept"]["desk_token"]["sealed"]
    file.write_bytes(orjson.dumps(document))
    assert find_settings().settings.crm_refresh_token is not None
    with pytest.raises(ConfigError, match=f"credentials forget {GRANT}"):
        keeper.kept.get(GRANT)


def test_the_doctor_names_what_came_of_a_token_that_is_gone(keeper: Keeper) -> None:
    def said() -> list[str]:
        checks = diagnose(find_settings().settings, str)
        return [f"{one.detail}; {one.remedy}" for one in checks if one.name == "credentials"]

    assert said() == []
    keeper.kept.forget("crm_refresh_token")
    (words,) = said()
    assert GRANT in words
    assert "stop what runs" in words


def test_a_file_of_the_first_format_is_read_and_written_on(tmp_path: Path) -> None:
    kept = Credentials(tmp_path)
    kept.put("desk_token", "x")
    derived = _derived(tmp_path)
    nonce = b"n" * 12
    sealed = base64.b64encode(nonce + AESGCM(derived).encrypt(nonce, b"an-old-token", b"crm_token"))
    (tmp_path / "credentials").write_bytes(orjson.dumps({"crm_token": sealed.decode()}))
    assert dict(kept.ages()) == {"crm_token": 0}
    kept.put("desk_token", "a-new-token")
    assert kept.rotate() == 2
    assert dict(kept.all()) == {"crm_token": "an-old-token", "desk_token": "a-new-token"}


def _derived(home: Path) -> bytes:
    return sha256(b"leadgraph credentials\x00" + (home / "keys" / "master.key").read_bytes()).digest()


def _own_key(home: Path, wrapped: str) -> bytes:
    raw = base64.b64decode(wrapped)
    return AESGCM(_derived(home)).decrypt(raw[:12], raw[12:], b"\x00key")


def _parts(document: Any, name: str) -> tuple[bytes, bytes, bytes]:
    raw = base64.b64decode(document["kept"][name]["sealed"])
    return raw[:12], raw[12:], name.encode()
