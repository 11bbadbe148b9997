"""The embedded CRM in a process of its own: ``python -m tools.crm.embedded.server FILE --port 0``.

It listens on 127.0.0.1 only, and prints one line of JSON with its port and token when it is ready. Every request is a
POST with the token: ``/v1/look``, ``/v1/send``, ``/v1/find``, ``/v1/preview`` (docs/targets.md).
"""

import argparse
import json
import secrets
import sys
from collections.abc import Callable, Mapping
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from domain.effect import Delivery
from domain.errors import BadInput, OutcomeUnknown, Permanent, Refused, Temporary
from tools.clock import SystemClock
from tools.crm.embedded import wire
from tools.crm.embedded.book import Book

MAX_BODY: Final = 256 * 1024
"""Bytes of a request."""
MAX_STEPS: Final = 50
"""Steps of one dry run."""
STATUS: Final[Mapping[str, int]] = {"gone": 410, "forbidden": 403, "key_reused": 409, "conflict": 409}
"""Codes of refusals; any other is 422."""


class Door(BaseHTTPRequestHandler):
    """Answers one connection. `server` is a `CrmServer`."""

    server: "CrmServer"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = (
        True  # head and body are two writes: without this the second waits for the client
    )
    timeout = 30

    def do_POST(self) -> None:
        """Check the token and the size, then do what the path says."""
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            self.reply(413, {"code": "too_large"})
            return
        body = self.rfile.read(int(length))
        given = self.headers.get("authorization", "").encode()
        if not compare_digest(given, f"Bearer {self.server.token}".encode()):
            self.reply(401, {"code": "token"})
            return
        self.reply(*self.answer(body))

    def answer(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and content. Every error of the CRM has its status; nothing else is caught."""
        work = _WORK.get(self.path)
        if work is None:
            return 404, {"code": "no_such_path"}
        try:
            return 200, work(self.server.book, wire.loads(body))
        except Refused as refusal:
            return STATUS.get(refusal.code, 422), {"code": refusal.code, "words": str(refusal)}
        except BadInput as error:
            return 400, {"code": "invalid", "words": str(error)}
        except OutcomeUnknown:
            return 500, {"code": "unknown"}
        except Temporary:
            return 503, {"code": "temporary"}
        except Permanent as error:
            return 422, {"code": "invalid", "words": str(error)}

    def reply(self, status: int, content: Mapping[str, Any]) -> None:
        """Write the answer."""
        text = wire.dumps(content)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: stdout belongs to the one line, and requests hold keys of leads."""


class CrmServer(ThreadingHTTPServer):
    """Serves one `Book` on 127.0.0.1."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, book: Book, *, port: int, token: str, door: type[Door] = Door) -> None:
        """Listen; with `port` 0 on any free one. Raises: OSError if the port is taken."""
        super().__init__(("127.0.0.1", port), door)
        self.book, self.token = book, token


def _send(book: Book, got: Mapping[str, Any]) -> dict[str, Any]:
    step, subject = wire.step_from(got.get("step")), wire.subject_from(got.get("subject"))
    return wire.receipt_to(book.send(step, subject, wire.text(got.get("key"), "key")))


def _look(book: Book, got: Mapping[str, Any]) -> dict[str, Any]:
    return wire.seen_to(book.look(wire.subject_from(got.get("subject"))))


def _find(book: Book, got: Mapping[str, Any]) -> dict[str, Any]:
    found = book.find(wire.text(got.get("key"), "key"))
    return {"receipt": None if found is None else wire.receipt_to(found)}


def _preview(book: Book, got: Mapping[str, Any]) -> dict[str, Any]:
    steps = got.get("steps")
    if not isinstance(steps, list) or len(steps) > MAX_STEPS:
        raise BadInput("steps", f"is no list of at most {MAX_STEPS}", "send fewer", code="malformed")
    changes = book.preview([wire.step_from(step) for step in steps], wire.subject_from(got.get("subject")))
    return {"changes": [wire.change_to(change) for change in changes]}


_WORK: Final[Mapping[str, Callable[[Book, Any], dict[str, Any]]]] = {
    "/v1/send": lambda book, got: _send(book, wire.mapping(got, "body")),
    "/v1/look": lambda book, got: _look(book, wire.mapping(got, "body")),
    "/v1/find": lambda book, got: _find(book, wire.mapping(got, "body")),
    "/v1/preview": lambda book, got: _preview(book, wire.mapping(got, "body")),
}


def serve(arguments: list[str], *, door: type[Door] = Door) -> None:
    """Open the file, say where we listen, and serve until the process ends."""
    parser = argparse.ArgumentParser(
        prog="tools.crm.embedded.server", description="The embedded CRM by itself."
    )
    parser.add_argument("file", type=Path, help="its SQLite file; made if it is missing")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument(
        "--token-file", type=Path, help="holds the shared token; without it one is made and printed"
    )
    parser.add_argument("--delivery", choices=[kind.value for kind in Delivery], default=Delivery.KEYED.value)
    given = parser.parse_args(arguments)
    token = given.token_file.read_text("utf-8").strip() if given.token_file else secrets.token_urlsafe(32)
    book = Book(given.file, SystemClock(), delivery=Delivery(given.delivery))
    with CrmServer(book, port=given.port, token=token, door=door) as server:
        ready = {"port": server.server_address[1]} | ({} if given.token_file else {"token": token})
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1:])
