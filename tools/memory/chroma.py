"""Vectors in Chroma: embedded in a folder, or at a server. A database a tenant, two collections a region.

Cases have a collection of their own: a query that filters by metadata takes 150 to 200 ms at 100,000 vectors, one
that does not takes 4 ms. Chroma is imported with the first call; its own embedding functions are never used, as they
would fetch a model; its telemetry is off.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar
from urllib.parse import SplitResult, urlsplit

from domain.errors import LeadgraphError, Temporary
from tools.memory.vectors import Elsewhere, Found, Matrix, OtherEmbedder, Shelf

SERVER_TIMEOUT_S: Final = 5.0
"""For each request to a server, as Chroma's own client would wait for ever."""
AT_ONCE: Final = 1_000
"""Refs of one call."""
_NONE: Final = "-"

P = ParamSpec("P")
R = TypeVar("R")


class _Pair(NamedTuple):
    """The two collections of a shelf."""

    texts: Any
    cases: Any


def _guarded(
    call: "Callable[Concatenate[Chroma, P], R]",
) -> "Callable[Concatenate[Chroma, P], R]":
    """`call` with whatever goes wrong in the engine as Temporary; what was open is let go, to be opened anew."""

    @wraps(call)
    def guarded(self: "Chroma", /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(self, *args, **kwargs)
        except LeadgraphError:
            self.close()
            raise
        except BaseException as error:
            self.close()
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            # The engine is native code: a damaged file may end in a panic, which is no `Exception`.
            raise Temporary(f"memory: {type(error).__name__}") from error

    return guarded


class Chroma:
    """Satisfies `tools.memory.vectors.Vectors`. For one thread at a time."""

    def __init__(self, place: "Path | str", *, embedder: str, width: int) -> None:
        """`place` is a folder of this process alone, or the address of a server. Nothing is opened yet."""
        self._place, self._embedder, self._width = place, embedder, width
        self._clients: dict[str, Any] = {}
        self._pairs: dict[Shelf, _Pair] = {}
        self._lock: int | None = None

    @_guarded
    def book(self, shelf: Shelf) -> str:
        """The ids that Chroma gave the collections: others after a loss."""
        self._pairs.pop(shelf, None)
        pair = self._pair(shelf)
        return f"{pair.texts.id}:{pair.cases.id}"

    @_guarded
    def fetch(self, shelf: Shelf, refs: Sequence[str]) -> Found:
        """The vectors of these refs."""
        return self._fetch(shelf, refs)

    @_guarded
    def nearest(self, shelf: Shelf, asked: Matrix, limit: int) -> Sequence[tuple[str, float]]:
        """The nearest texts of cases."""
        cases = self._pair(shelf).cases
        found = cases.query(query_embeddings=asked, n_results=limit, include=["distances"])
        return [
            (str(ref), 1.0 - float(distance))
            for refs, distances in zip(found["ids"], found["distances"], strict=True)
            for ref, distance in zip(refs, distances, strict=True)
        ]

    @_guarded
    def put(self, shelf: Shelf, refs: Sequence[str], rows: Matrix) -> None:
        """Keep texts."""
        texts = self._pair(shelf).texts
        for some in _parts(len(refs)):
            texts.upsert(ids=list(refs[some]), embeddings=rows[some])

    @_guarded
    def put_cases(self, shelf: Shelf, refs: Sequence[str]) -> None:
        """Texts become those of cases."""
        pair = self._pair(shelf)
        for some in _parts(len(refs)):
            found = self._fetch(shelf, refs[some])
            if found.refs:
                pair.cases.upsert(ids=list(found.refs), embeddings=found.rows)

    @_guarded
    def drop(self, shelf: Shelf, refs: Sequence[str]) -> None:
        """Remove them from both."""
        for collection in self._pair(shelf):
            for some in _parts(len(refs)):
                collection.delete(ids=list(refs[some]))

    @_guarded
    def clear(self, shelf: Shelf) -> None:
        """Begin anew: the shelf alone, or, if the folder cannot be read, all of it."""
        try:
            self._drop_collections(shelf)
        except LeadgraphError:
            raise
        except BaseException as error:
            if not isinstance(self._place, Path) or isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            self._empty(self._place)
        self._pair(shelf)

    def _drop_collections(self, shelf: Shelf) -> None:
        client = self._client(shelf)
        self._pairs.pop(shelf, None)
        there = {collection.name for collection in client.list_collections()}
        for name in there & set(_names(shelf)):
            client.delete_collection(name)

    def _empty(self, folder: Path) -> None:
        self._disconnect()
        for inside in folder.iterdir():
            if inside.name != "lock":
                shutil.rmtree(inside) if inside.is_dir() else inside.unlink()

    @_guarded
    def count(self, shelf: Shelf) -> int:
        """Texts that are kept."""
        return int(self._pair(shelf).texts.count())

    def close(self) -> None:
        """Let go of everything."""
        self._disconnect()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _fetch(self, shelf: Shelf, refs: Sequence[str]) -> Found:
        import numpy as np

        ids: list[str] = []
        rows: list[Matrix] = []
        texts = self._pair(shelf).texts
        for some in _parts(len(refs)):
            found = texts.get(ids=list(refs[some]), include=["embeddings"])
            ids += map(str, found["ids"])
            rows.append(np.asarray(found["embeddings"], np.float32))
        full = [part for part in rows if part.size]
        empty = np.empty((0, self._width), np.float32)
        return Found(ids, np.concatenate(full) if full else empty)

    def _pair(self, shelf: Shelf) -> _Pair:
        """The collections, made if there are none. Raises: OtherEmbedder."""
        if shelf not in self._pairs:
            client = self._client(shelf)
            there = {collection.name for collection in client.list_collections()}
            pair = _Pair(*(self._collection(client, name, there) for name in _names(shelf)))
            if any((one.metadata or {}).get("embedder", _NONE) != self._embedder for one in pair):
                raise OtherEmbedder(f"memory: its vectors are not of {self._embedder}")
            self._pairs[shelf] = pair
        return self._pairs[shelf]

    def _collection(self, client: Any, name: str, there: set[str]) -> Any:
        if name in there:
            return client.get_collection(name, embedding_function=None)
        return client.create_collection(
            name,
            metadata={"embedder": self._embedder},
            configuration={"hnsw": {"space": "cosine"}},
            embedding_function=None,
        )

    def _client(self, shelf: Shelf) -> Any:
        """Of the tenant's database, which is made if there is none."""
        if shelf.tenant not in self._clients:
            self._clients[shelf.tenant] = self._connected(f"leadgraph-{shelf.tenant}")
        return self._clients[shelf.tenant]

    def _connected(self, database: str) -> Any:
        import chromadb
        import chromadb.errors

        if not isinstance(self._place, Path):
            _ask_whether_up(self._place)
        settings = self._settings()
        try:
            admin = self._impatient(chromadb.AdminClient(settings))
        except BaseException:
            self._forget_half_open()
            raise
        try:
            try:
                admin.get_database(database)
            except chromadb.errors.NotFoundError:
                admin.create_database(database)
            return self._impatient(chromadb.Client(settings, database=database))
        finally:
            admin._release_system(admin._identifier)  # it has no `close`, and would keep the folder open
            self._hang_up(admin)

    def _forget_half_open(self) -> None:
        """An engine that failed to start is kept by Chroma for its folder, and would be given out again."""
        from chromadb.api.shared_system_client import SharedSystemClient

        for kept in (SharedSystemClient._identifier_to_system, SharedSystemClient._identifier_to_refcount):
            kept.pop(str(self._place), None)

    def _impatient(self, client: Any) -> Any:
        """With a bound on each request; no public argument sets it, and a release without it fails here, at once."""
        if not isinstance(self._place, Path):
            client._server._session.timeout = SERVER_TIMEOUT_S
        return client

    def _hang_up(self, client: Any) -> None:
        """Close its connections and those of the client within it, which its own `close` does not."""
        if not isinstance(self._place, Path):
            client._server._session.close()
            if inner := getattr(client, "_admin_client", None):
                inner._server._session.close()

    def _settings(self) -> Any:
        from chromadb.config import Settings

        if isinstance(self._place, Path):
            self._hold()
            return Settings(
                anonymized_telemetry=False, is_persistent=True, persist_directory=str(self._place)
            )
        parts: SplitResult = urlsplit(self._place)
        secure = parts.scheme == "https"
        return Settings(
            anonymized_telemetry=False,
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=parts.hostname,
            chroma_server_http_port=parts.port or (443 if secure else 8000),
            chroma_server_ssl_enabled=secure,
        )

    def _hold(self) -> None:
        """The folder is one process's: the index in it is not made for two. Raises: Elsewhere."""
        if self._lock is not None or not isinstance(self._place, Path):
            return
        self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise Elsewhere("memory: another process has the folder; a server serves several") from None
        self._lock = handle

    def _disconnect(self) -> None:
        clients, self._clients, self._pairs = self._clients, {}, {}
        for client in clients.values():
            client.close()
            self._hang_up(client)


def _ask_whether_up(server: str) -> None:
    """With a bound: making a client asks the server several things with none. Raises: httpx.HTTPError."""
    import httpx

    httpx.get(f"{server.rstrip('/')}/api/v2/heartbeat", timeout=SERVER_TIMEOUT_S).raise_for_status()


def _names(shelf: Shelf) -> tuple[str, str]:
    return f"texts-{shelf.region}", f"cases-{shelf.region}"


def _parts(length: int) -> Iterator[slice]:
    return (slice(start, start + AT_ONCE) for start in range(0, length, AT_ONCE))
