"""I1 and I3 against a power cut: what was acknowledged is on the disk, not on its way there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.contract.stores import EMAIL, NOW, TENANT, bundle, claim_one, key, signal
from tests.tools.store.power import Disk, NoShim, recorded
from tools.store import Store, engine, open_store


@pytest.fixture
def disk() -> Iterator[Disk]:
    """The recorded disk."""
    try:
        with recorded() as disk:
            yield disk
    except NoShim as reason:
        pytest.skip(str(reason))


async def survives(disk: Disk, store: Store, name: str, *, keep_every: int) -> dict[str, int]:
    """Cut the power now, start again from what is durable, and count."""
    folder = store.database.path.parent
    left = disk.after_power_cut(folder, folder.parent / name, keep_every=keep_every)
    try:
        again = open_store(left / "store.db")
    except Exception:  # noqa: BLE001 - a ruined database is one way of losing everything
        return {}
    try:
        return dict(await again.reads.counts(TENANT))
    finally:
        again.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of the store."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


async def acknowledged(disk: Disk, folder: Path, keep_every: int) -> list[bool]:
    """For each acknowledged step: is it still there after a cut right after it?"""
    store = open_store(folder / "store.db")
    kept = []
    for number in range(3):
        name = f"{keep_every}-{number}"
        await store.inbox.accept([signal(number, key(EMAIL, str(number)))], now=NOW)
        counts = await survives(disk, store, f"a{name}", keep_every=keep_every)
        kept.append(counts.get("waiting") == 1)
        one = await claim_one(store)
        counts = await survives(disk, store, f"b{name}", keep_every=keep_every)
        kept.append(counts.get("runs") == number + 1)
        await store.commit.commit([bundle(one)], now=NOW)
        counts = await survives(disk, store, f"c{name}", keep_every=keep_every)
        kept.append(counts.get("decisions") == counts.get("applied") == number + 1)
    store.close()
    return kept


@pytest.mark.parametrize("keep_every", [0, 1, 2, 3])
async def test_what_was_acknowledged_survives_a_power_cut(disk: Disk, home: Path, keep_every: int) -> None:
    """A signal taken in, an attempt begun, a decision committed; whichever unsynced writes got through."""
    assert all(await acknowledged(disk, home, keep_every))
    assert disk.writes > 0


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
async def test_the_test_can_fail(
    disk: Disk, home: Path, monkeypatch: pytest.MonkeyPatch, synchronous: str
) -> None:
    """With weaker settings of SQLite acknowledged work is lost, and the recorded disk shows it."""
    monkeypatch.setitem(engine.PRAGMAS, "synchronous", synchronous)
    assert not all(await acknowledged(disk, home, 0))
