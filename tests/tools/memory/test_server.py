"""Memory at a Chroma server: the real one, one that is not there, and one that does not answer."""

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from domain.errors import Temporary
from tests.tools.memory.stores import REGION, RIVAL, TENANT, chroma_server
from tools.memory import chroma
from tools.memory.chroma import Chroma
from tools.memory.vectors import OtherEmbedder, Shelf

MINE, THEIRS = Shelf(TENANT, REGION), Shelf(RIVAL, REGION)
ROWS = np.eye(4, dtype=np.float32)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma_server(tmp_path_factory.mktemp("server") / "m") as address:
        yield address


def test_a_server_keeps_finds_forgets_and_begins_anew(address: str) -> None:
    vectors = Chroma(address, embedder="four", width=4)
    book = vectors.book(MINE)
    vectors.put(MINE, ["a", "b"], ROWS[:2])
    vectors.put_cases(MINE, ["a", "unknown"])
    assert sorted(vectors.fetch(MINE, ["a", "b", "c"]).refs) == ["a", "b"]
    assert [ref for ref, _ in vectors.nearest(MINE, ROWS[:1], 5)] == ["a"]
    assert vectors.fetch(THEIRS, ["a", "b"]).refs == []
    assert vectors.nearest(THEIRS, ROWS[:1], 5) == []
    vectors.drop(MINE, ["a"])
    assert (vectors.count(MINE), vectors.nearest(MINE, ROWS[:1], 5)) == (1, [])
    vectors.close()
    assert vectors.book(MINE) == book
    vectors.clear(MINE)
    assert vectors.count(MINE) == 0
    assert vectors.book(MINE) != book
    with pytest.raises(OtherEmbedder):
        Chroma(address, embedder="five", width=4).book(MINE)
    vectors.close()


def test_a_server_that_is_not_there_is_an_outage() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Temporary, match="ConnectError"):
        Chroma(f"http://127.0.0.1:{port}", embedder="four", width=4).book(MINE)


def test_a_server_that_does_not_answer_is_an_outage_and_no_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chroma, "SERVER_TIMEOUT_S", 0.05)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Temporary, match="Timeout"):
            Chroma(address, embedder="four", width=4).book(MINE)
