"""The two servers that are compared, each in a process of its own, under the same web server on one loop."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import uvicorn
from fastapi import FastAPI, Request

from domain.ports.home import Home
from surfaces.api.app import Terms, build_app
from surfaces.api.protocol import server_of
from surfaces.process import settle, share_evenly

OpenHome = Callable[..., AbstractContextManager[Home]]
START_S = 60
SILENT = cast(Any, None)
"""Listens to no talk: none is decided here."""


def ours(ready: Connection, folder: Path, open_home: OpenHome) -> None:
    """The API over a new home in `folder`; no worker runs beside it."""
    share_evenly()
    with open_home(home=folder / "home", given={"memory": "off"}) as home:
        api = build_app(home, SILENT, Terms(open_=True))
        settle()
        asyncio.run(serve(server_of(api, "127.0.0.1", 0), ready))


def bare(ready: Connection, folder: Path) -> None:
    """One row for each request, in a transaction of its own that is on disk before the answer."""
    rows = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        rows.execute(f"PRAGMA {pragma}")
    rows.execute("CREATE TABLE item (seq INTEGER PRIMARY KEY, source TEXT, id TEXT, body BLOB)")
    app = FastAPI(docs_url=None, redoc_url=None)

    @app.post("/v1/signals", status_code=202)
    async def insert(request: Request) -> dict[str, int]:
        item, body = await request.json(), await request.body()
        rows.execute(
            "INSERT INTO item (source, id, body) VALUES (?, ?, ?)", (item["source"], item["id"], body)
        )
        return {"accepted": 1}

    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="warning", access_log=False, lifespan="off"
    )
    asyncio.run(serve(uvicorn.Server(config), ready))


@contextmanager
def running(target: Callable[..., None], *given: object) -> Iterator[int]:
    """The port of `target`, run in a process of its own. Raises: RuntimeError if it does not come up."""
    spawn = get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=target, args=(there, *given), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(START_S):
            raise RuntimeError("the server that is to be measured did not start")
        yield int(here.recv())
    finally:
        process.terminate()
        process.join(START_S)


async def serve(server: uvicorn.Server, ready: Connection) -> None:
    """Serve, and say the port as soon as somebody listens there."""
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
        await asyncio.sleep(0.01)
    ready.send(server.servers[0].sockets[0].getsockname()[1])
    await running
