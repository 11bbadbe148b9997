"""The served application in a process of its own, which can be stopped and killed."""

import asyncio
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from app import open_home
from surfaces.api.app import build_app
from surfaces.cli.serve import serve
from surfaces.dispatcher import Dispatcher
from surfaces.working import Working, worker_of
from tests.crash.processes import Child, start, wait
from tests.surfaces.talk_world import Ears
from tests.surfaces.webhooks.sending import SENDERS, URL
from tools.receivers import SettingsReceivers

SECRETS: Mapping[str, Any] = {sender.setting: [sender.secret] for sender in SENDERS.values()}


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def served(home: Path, port: int, worker: bool) -> None:
    """Serve the home until a signal; says ``stopped`` at its end."""
    settings = {"memory": "off", "public_url": URL, **SECRETS}
    with open_home(home=home, given=settings) as opened:
        working = Working(worker_of(opened)) if worker else None
        app = build_app(opened, Ears(), receivers=SettingsReceivers(opened.settings), worker=working)
        loops = [Dispatcher(opened, opened.targets).serve] if worker else []
        asyncio.run(serve(app, host="127.0.0.1", port=port, working=working, loops=list(loops)))
    sys.stdout.write("stopped\n")
    sys.stdout.flush()


def begun(home: Path, port: int, *, worker: bool, file: Path) -> Child:
    """A server that listens."""
    child = start(served, home, port, worker, file=file)
    wait(lambda: _listens(port) or not child.alive, "the server listens")
    assert child.alive, child.said[-2000:]
    return child


def most_memory_mb(child: Child) -> float:
    """The most memory that the process has had at a time."""
    status = Path(f"/proc/{child.process.pid}/status").read_text("utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
        return True
    return False
