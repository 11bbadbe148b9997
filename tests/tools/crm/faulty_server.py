"""The CRM's own server, except that the first answer to each write is lost after the write succeeded.

``python -m tests.tools.crm.faulty_server FILE FAULT --port 0``; FAULT is ``error``, ``cut``, ``late`` or ``garbage``.
"""

import sys
import time
from collections.abc import Mapping
from threading import Lock
from typing import Any

from tools.crm.embedded import wire
from tools.crm.embedded.server import Door, serve

LATE_S = 3.0
FAULT = sys.argv[2] if len(sys.argv) > 2 else ""
_seen: set[str] = set()
_lock = Lock()


class FaultyDoor(Door):
    """Loses the first answer of each key."""

    key = ""

    def answer(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """As always; the key is noted."""
        self.key = wire.loads(body).get("key", "") if self.path == "/v1/send" else ""
        return super().answer(body)

    def reply(self, status: int, content: Mapping[str, Any]) -> None:
        """Lose it, or not."""
        with _lock:
            first = bool(self.key) and self.key not in _seen
            _seen.add(self.key)
        if not first:
            super().reply(status, content)
        elif FAULT == "error":
            super().reply(503, {"code": "temporary"})
        elif FAULT == "garbage":
            super().reply(200, {"receipt": "?"})
        elif FAULT == "late":
            self.close_connection = True
            time.sleep(LATE_S)
        else:
            self.close_connection = True


if __name__ == "__main__":
    serve([sys.argv[1], *sys.argv[3:]], door=FaultyDoor)
