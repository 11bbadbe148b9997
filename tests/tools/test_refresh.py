"""Tokens by a refresh token: one asks for all, what is given is on disk before it is used, and nothing of it shows."""

import asyncio
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from domain.errors import ConfigError, LeadgraphError, Temporary, Throttled, Unauthorized
from domain.instants import SECOND
from tests.tools.oauth_hubspot import CLIENT, SECRET, OAuthHubSpot
from tests.tools.vendor_server import Said, Wire, cut, instead
from tools.clock import SystemClock
from tools.credential_doors import Doors
from tools.credentials import Credentials
from tools.crm.hubspot import MANNERS
from tools.refresh import PREFIX, SETTING, RefreshLogin
from tools.vendor import Api, Call

LOCAL, READ = "http://127.0.0.1:1", Call("GET", "/crm/v3/properties/contacts")


class Watch:
    now: int = 1_790_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


@dataclass
class App:
    """A home with its workers, and HubSpot."""

    home: Path
    fake: OAuthHubSpot = field(default_factory=OAuthHubSpot)
    watch: Watch = field(default_factory=Watch)

    def __post_init__(self) -> None:
        self.wire = Wire(self.fake)

    @property
    def kept(self) -> Credentials:
        return Credentials(self.home, now=self.watch)

    def login(self, given: str = "refresh-0", *, secret: str = SECRET) -> RefreshLogin:
        return RefreshLogin(LOCAL, CLIENT, secret, given, self.kept, self.watch, self.wire.transport())

    def worker(self, login: RefreshLogin | None = None) -> Api:
        """A process of its own, as far as HubSpot and the home can tell."""
        transport = self.wire.transport()
        return Api(
            MANNERS, LOCAL, login or self.login(), SystemClock(), setting="crm_refresh_token", transport=transport
        )  # fmt: skip


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path / "home")


async def test_one_worker_asks_for_a_token_and_all_have_it(app: App) -> None:
    """When there is none, when it ends, and when it is not accepted any more."""
    workers = [app.worker() for _ in range(6)]

    async def all_ask() -> None:
        await asyncio.gather(*(worker.read(READ) for worker in workers))

    await all_ask()
    assert (app.fake.given, set(app.fake.used)) == (1, {"access-1"})
    app.watch.now += 1_739 * SECOND
    await all_ask()
    assert app.fake.given == 1
    app.watch.now += SECOND
    await all_ask()
    assert (app.fake.given, app.fake.used[-1]) == (2, "access-2"), "not in its last minute"
    app.fake.token = "revoked"
    await all_ask()
    assert (app.fake.given, app.fake.used[-1]) == (3, "access-3")


async def test_a_refresh_token_that_is_given_anew_outlives_whoever_was_given_it(app: App) -> None:
    """Killed right after the answer was kept: the next process knows what the settings do not."""
    await app.login()(None)
    assert app.fake.used == []
    await app.worker().read(READ)
    assert (app.fake.given, app.fake.used) == (1, ["access-1"])
    app.watch.now += 3_600 * SECOND
    await app.worker().read(READ)
    assert (app.fake.given, app.fake.used[-1]) == (2, "access-2"), "by refresh-1, which nobody typed in"


async def test_what_cannot_be_kept_is_not_used_and_not_lost(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: nobody is asked again with a refresh token that is used up."""
    worker, kept = app.worker(), Credentials.put

    def full(*_: object) -> None:
        raise ConfigError("cannot be written (No space left on device)")

    monkeypatch.setattr(Credentials, "put", full)
    for _ in range(2):
        with pytest.raises(Temporary, match="cannot be kept now"):
            await worker.read(READ)
    assert (app.fake.given, app.fake.used) == (1, [])
    monkeypatch.setattr(Credentials, "put", kept)
    await worker.read(READ)
    assert (app.fake.given, app.fake.used) == (1, ["access-1"])


async def test_a_home_that_cannot_be_read_says_nothing_of_the_credentials(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ConfigError("cannot be read (Input/output error)")

    for name in ("turn", "get"):
        with monkeypatch.context() as patched:
            patched.setattr(Credentials, name, broken)
            with pytest.raises(Temporary, match="read now") as told:
                await app.worker().read(READ)
        assert not isinstance(told.value, Unauthorized)
    assert app.fake.given == 0


@pytest.mark.parametrize("began", [False, True])
async def test_what_comes_of_a_refresh_token_that_was_forgotten_is_not_kept(app: App, began: bool) -> None:
    """A process that runs uses what it has read until it ends, and leaves nothing."""
    app.kept.put(SETTING, "refresh-0")
    app.fake.rotates = False
    worker = app.worker(replace(app.login(), sealed=True))
    if began:
        await worker.read(READ)
        assert len(app.kept.ages()) == 2
    assert Doors(app.kept, app.watch.now, {}).forget(SETTING)
    app.watch.now += 3_600 * SECOND
    await worker.read(READ)
    assert (app.fake.used[-1], app.kept.ages()) == (f"access-{1 + began}", {})


async def test_who_gives_up_waiting_does_not_lose_what_hubspot_gives(app: App) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        asked.set()
        go_on.wait(5)

    app.fake.before = slow
    waiting = asyncio.create_task(app.worker().read(READ))
    await asyncio.to_thread(asked.wait, 5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    await app.worker().read(READ)
    assert (app.fake.given, app.fake.used) == (1, ["access-1"])


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (instead(400, {"error": "invalid_grant"}), Unauthorized, "crm_refresh_token"),
        (instead(401, {"error": "invalid_client"}), Unauthorized, "crm_client_secret"),
        (instead(429, None, retry_after="7"), Throttled, "for now"),
        (instead(500), Temporary, "500"),
        (instead(200, {"access_token": 5}), Temporary, "200"),
        (instead(200, ["access-9"]), Temporary, "200"),
        (instead(302, None, location="http://127.0.0.1:2/"), Temporary, "302"),
        (cut, Temporary, "ReadError"),
    ],
)
async def test_each_answer_says_what_to_do_next_and_shows_nothing(
    app: App, fault: Any, error: type[LeadgraphError], words: str
) -> None:
    login = app.login()
    app.wire.reads.append(fault)
    with pytest.raises(error, match=words) as told:
        await app.worker(login).read(READ)
    shown = f"{told.value} {told.value!r} {login!r}"
    assert not [one for one in (SECRET, "refresh-", "access-") if one in shown]
    if isinstance(told.value, Throttled) and not isinstance(told.value, Unauthorized):
        assert told.value.retry_after_s == 7.0
    assert app.kept.ages() == {}, "nothing is kept of what was not given"


async def test_a_new_refresh_token_begins_anew_and_of_the_old_ones_one_stays(app: App) -> None:
    """A worker that was not restarted yet lives on the one before."""
    old = app.worker()
    await old.read(READ)
    for number in (1, 2):
        app.fake.refresh = f"typed-{number}"
        app.watch.now += SECOND
        await app.worker(app.login(f"typed-{number}")).read(READ)
    assert sum(name.startswith(PREFIX) for name in app.kept.ages()) == 2
    assert b"typed" not in (app.home / "credentials").read_bytes()
    assert b"access" not in (app.home / "credentials").read_bytes()


async def test_nonsense_about_its_end_ends_a_token_at_once_and_not_the_worker(app: App) -> None:
    app.fake.seconds = -5
    worker = app.worker()
    await worker.read(READ)
    await worker.read(READ)
    assert app.fake.given == 2
    app.wire.reads.append(lambda _fake, _asked: Said(200, {"access_token": "x", "expires_in": "soon"}))
    with pytest.raises(Temporary):
        await worker.read(READ)
