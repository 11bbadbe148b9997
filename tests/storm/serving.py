"""The served application in a process of its own, which can be stopped and killed."""

import asyncio
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from app import open_home
from surfaces.announcing import told_beside
from surfaces.api.app import build_app
from surfaces.cli.serve import serve
from surfaces.desk_loop import desk_loop
from surfaces.dispatcher import Dispatcher
from surfaces.log import to_stderr
from surfaces.supervising import Crew, Part
from surfaces.working import Working, worker_of
from tests.crash.processes import Child, start, wait
from tests.storm.around import WISH
from tests.surfaces.talk_world import Ears
from tools.receivers import SettingsReceivers


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def served(home: Path, port: int, worker: bool, settings: Mapping[str, Any]) -> None:
    """Serve the home until a signal; says ``stopped`` at its end."""
    with open_home(home=home, given=settings) as opened:
        crew, ears = Crew(to_stderr("part")), Ears(heard=WISH)
        working = Working(worker_of(opened), crew) if worker else None
        receivers = SettingsReceivers(opened.settings)
        app = build_app(opened, ears, receivers=receivers, worker=working, crew=crew)
        parts: dict[str, Part] = {}
        follows = desk_loop(opened, ears)
        if worker and follows is not None:
            deliveries = Dispatcher(opened, opened.targets)
            parts = {"deliveries": deliveries.serve, "desk": follows.serve, **told_beside(opened, crew)}
        asyncio.run(serve(app, crew, parts, host="127.0.0.1", port=port, working=working))
    sys.stdout.write("stopped\n")
    sys.stdout.flush()


def begun(home: Path, port: int, settings: Mapping[str, Any], *, worker: bool, file: Path) -> Child:
    """A server that listens."""
    child = start(served, home, port, worker, settings, file=file)
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
