"""Who sends what nobody should: refused or let go, and the server still answers everybody else."""

import asyncio
import gzip
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
import pytest

from surfaces.api.app import Terms, build_app
from surfaces.api.protocol import HEAD_BYTES, BoundedProtocol, server_of
from tests.surfaces.talk_world import Ears, open_talks

KEY: Final = "k"
MOST_KB: Final = 64 * 1024
"""KB by which the memory of the process may grow under all that is sent here."""
POST: Final = (
    f"POST /v1/signals HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    "Content-Type: application/json\r\n"
)


class Impatient(BoundedProtocol):
    """Waits for a moment only."""

    look_s = 0.05
    head_s = 0.3
    body_s = 0.3


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server on loopback, in a thread of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADGRAPH_MEMORY", "off")
        with open_talks(tmp_path_factory.mktemp("hostile")) as home:
            server = server_of(build_app(home, Ears(), Terms(key=KEY)), "127.0.0.1", 0, Impatient)
            running = threading.Thread(target=lambda: asyncio.run(server.serve()))
            running.start()
            while not server.started and running.is_alive():
                threading.Event().wait(0.005)
            yield server.servers[0].sockets[0].getsockname()[1]
            server.should_exit = True
            running.join()


def well(port: int) -> None:
    """The server takes in what a good sender sends."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        assert client.get("/healthz").status_code == 200
        answer = client.post("/v1/signals", json=[1], headers={"authorization": f"Bearer {KEY}"})
        assert answer.status_code == 202


def said(port: int, *parts: bytes, most: int = 65_536) -> bytes:
    """What the server answers to `parts`, until it closes or answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        with suppress(ConnectionError):
            for part in parts:
                line.sendall(part)
        with suppress(ConnectionError):
            return line.recv(most)
    return b""


def status(answer: bytes) -> int:
    """Of a raw answer; 0 if the connection was closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /healthz HTTP/1.1\r\nX-Slow: ", f"{POST}Content-Length: 100\r\n\r\n{{".encode()],
    ids=["nothing", "half a head", "half a body"],
)
def test_two_hundred_that_never_finish_are_let_go_and_hold_nobody_up(port: int, begun: bytes) -> None:
    lines = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(200)]
    try:
        for line in lines:
            with suppress(ConnectionError):
                line.sendall(begun)
        for line in lines:
            with suppress(ConnectionError):
                assert status(line.recv(4_096)) in {0, 408}
    finally:
        for line in lines:
            line.close()
    well(port)


def test_a_body_that_nobody_reads_is_not_waited_for_either(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nx")
        assert status(line.recv(4_096)) == 405
        with suppress(ConnectionError):
            while line.recv(4_096):
                pass  # the rest of the answer, then the end
    well(port)


NAMED: Final = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
HEADS: Final = {
    "many headers": NAMED + b"".join(b"X-%d: y\r\n" % n for n in range(HEAD_BYTES // 6)) + b"\r\n",
    "one endless header": NAMED + b"X: " + b"y" * (8 * HEAD_BYTES),
    "an endless address": b"GET /" + b"a" * (8 * HEAD_BYTES),
    "a header with no name": NAMED + b": y\r\n\r\n",
    "a zero byte": NAMED + b"X: \x00\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "words": b"hello\r\n\r\n",
    "two lengths": f"{POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]".encode(),
    "a length and chunks": f"{POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
    "a length below nothing": f"{POST}Content-Length: -1\r\n\r\n".encode(),
    "a chunk that lies": f"{POST}Transfer-Encoding: chunked\r\n\r\nZZ\r\n[]\r\n0\r\n\r\n".encode(),
    "a chunk too long": f"{POST}Transfer-Encoding: chunked\r\n\r\n1\r\n[]]]]]]\r\n0\r\n\r\n".encode(),
}


@pytest.mark.parametrize("case", HEADS)
def test_what_is_no_request_is_refused_and_the_connection_closed(port: int, case: str) -> None:
    answer = said(port, HEADS[case])
    assert status(answer) in {0, 400, 431}, answer
    assert not answer or b"application/problem+json" in answer
    well(port)


def test_garbage_behind_a_good_request_on_one_line_is_no_second_request(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + b"\x00\xff garbage\r\n\r\n" * 100)
        answer = b""
        with suppress(ConnectionError):
            while part := line.recv(65_536):
                answer += part
    assert answer.count(b"HTTP/1.1 200") <= 1
    assert answer.count(b"HTTP/1.1 ") <= 2
    well(port)


SMALL: Final = gzip.compress(b"0" * 50_000_000)
BODIES: Final = {
    "five megabytes": (b"[" + b"1," * 2_600_000 + b"1]", {}, 413),
    "a gzip bomb": (SMALL, {"content-encoding": "gzip"}, 400),
    "ten thousand levels": (b"[" * 10_000 + b"]" * 10_000, {}, 422),
    "ten thousand objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, {}, 422),
    "a million digits": (b"1" * 1_000_000, {}, 400),
    "text": (b"[]", {"content-type": "text/plain"}, 415),
    "a form": (b"a=b", {"content-type": "application/x-www-form-urlencoded"}, 415),
    "parts": (b"--x", {"content-type": "multipart/form-data; boundary=x"}, 415),
    "two types": (b"[]", {"content-type": "application/json, text/plain"}, 415),
    "one key twice": (b'[{"id": 1, "id": 2}]', {}, 400),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_too_much_is_refused_by_name(port: int, case: str) -> None:
    body, headers, wanted = BODIES[case]
    sent = {"authorization": f"Bearer {KEY}", "content-type": "application/json", **headers}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        for path in ("/v1/signals", "/v1/handoff", "/v1/approvals/ap_1"):
            answer = client.post(path, content=body, headers=sent)
            assert answer.status_code in {wanted, 413}, path  # each route has a size of its own
            found = answer.json()
            assert (answer.headers["content-type"], found["status"]) == (
                "application/problem+json",
                answer.status_code,
            )
            assert found["field"]
            assert found["remedy"]
    well(port)


def test_hundreds_of_hostile_bodies_leave_the_memory_as_it_was(port: int) -> None:
    deep, head = (
        b"[" * 10_000 + b"]" * 10_000,
        {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )

    async def flood() -> set[int]:
        limits = httpx.Limits(max_connections=4)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, limits=limits, timeout=30
        ) as client:
            tries = [client.post("/v1/signals", content=deep, headers=head) for _ in range(100)]
            return {answer.status_code for answer in await asyncio.gather(*tries)}

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert asyncio.run(flood()) == {422}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KB
    well(port)


GET: Final = f"GET /v1/leads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
CHUNKS: Final = "2\r\n[]\r\n0\r\n\r\n"
DOUBTFUL: Final = {
    "a coding that is none": f"{POST}Transfer-Encoding: xchunked\r\n\r\n{CHUNKS}",
    "a coding under the chunks": f"{POST}Transfer-Encoding: gzip, chunked\r\n\r\n{CHUNKS}",
    "a coding after the chunks": f"{POST}Transfer-Encoding: chunked, identity\r\n\r\n{CHUNKS}",
    "a coding twice": f"{POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n{CHUNKS}",
    "a coding with a blank in its name": f"{POST}Transfer-Encoding : chunked\r\n\r\n{CHUNKS}",
    "a coding behind a tab": f"{POST}Transfer-Encoding:\x0bchunked\r\n\r\n{CHUNKS}",
    "a coding on the next line": f"{POST}Transfer-Encoding:\r\n chunked\r\n\r\n{CHUNKS}",
    "a coding behind a bare line end": f"{POST}X: y\nTransfer-Encoding: chunked\r\n\r\n{CHUNKS}",
    "chunks before chunks were": f"{POST.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\n{CHUNKS}",
    "chunks and then a length": f"{POST}Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n{CHUNKS}{GET}\r\n",
    "one length twice": f"{POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]",
    "a list of lengths": f"{POST}Content-Length: 2, 2\r\n\r\n[]",
    "a length with a sign": f"{POST}Content-Length: +2\r\n\r\n[]",
    "a length in hex": f"{POST}Content-Length: 0x2\r\n\r\n[]",
    "a length beyond numbers": f"{POST}Content-Length: {'9' * 30}\r\n\r\n[]",
    "a chunk in hex of hex": f"{POST}Transfer-Encoding: chunked\r\n\r\n0x2\r\n[]\r\n0\r\n\r\n",
    "a chunk below nothing": f"{POST}Transfer-Encoding: chunked\r\n\r\n-2\r\n[]\r\n0\r\n\r\n",
    "a chunk beyond numbers": f"{POST}Transfer-Encoding: chunked\r\n\r\n{'F' * 17}\r\n[]",
    "chunks with bare line ends": f"{POST}Transfer-Encoding: chunked\r\n\r\n2\n[]\n0\n\n",
    "a length behind the chunks": f"{POST}Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\nContent-Length: 9\r\n\r\n",
    "a megabyte around one chunk": f"{POST}Transfer-Encoding: chunked\r\n\r\n2;{'a' * 1_000_000}\r\n[]\r\n0\r\n\r\n",
    "bare line ends": f"{GET}\r\n".replace("\r\n", "\n"),
    "no host": f"{GET}\r\n".replace("Host: x\r\n", ""),
    "two hosts": f"{GET}Host: y\r\n\r\n",
    "two keys": f"{GET}Authorization: Bearer other\r\n\r\n",
    "two types": f"{POST}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n[]",
    "a hundred headers": GET + "X: y\r\n" * 100 + "\r\n",
    "a hidden slash": f"{GET}\r\n".replace("/v1/leads", "/v1%2Fleads"),
    "a hidden slash in an id": f"{GET}\r\n".replace("/v1/leads", "/v1/leads/a%2ftimeline"),
    "a hidden backslash": f"{GET}\r\n".replace("/v1/leads", "/v1/leads%5ca"),
    "a hidden zero byte": f"{GET}\r\n".replace("/v1/leads", "/v1/leads/a%00"),
    "no version": "GET /v1/leads\r\n\r\n",
    "a version that is none": f"{GET}\r\n".replace("1.1", "1.2"),
    "a version of another kind": f"{GET}\r\n".replace("1.1", "2.0"),
    "the beginning of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": "CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_what_two_servers_could_read_as_two_requests_is_refused(port: int, case: str) -> None:
    answer = said(port, DOUBTFUL[case].encode("latin-1"))
    assert status(answer) == 400, answer
    assert b"application/problem+json" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_request_in_the_body_of_another_is_no_request(port: int) -> None:
    inner = f"{GET}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(f"{POST}Connection: close\r\nContent-Length: {len(inner)}\r\n\r\n{inner}".encode())
        answer = b"".join(iter(lambda: line.recv(65_536), b""))
    assert (answer.count(b"HTTP/1.1 "), status(answer)) == (1, 400)


def test_a_key_behind_the_body_is_no_key(port: int) -> None:
    """Nor any other header there: nobody has looked at it, and another server may not have seen it."""
    own = f"Authorization: Bearer {KEY}\r\n"
    head = POST.replace(own, "")
    answer = said(port, f"{head}Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n{own}\r\n".encode())
    assert status(answer) == 401, answer


def test_chunks_without_end_are_cut_off_at_the_limit_of_their_route(port: int) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    answer = said(port, f"{POST}Transfer-Encoding: chunked\r\n\r\n".encode(), *[chunk] * 80)
    assert status(answer) in {0, 413}, answer[:200]
    well(port)


def test_a_page_elsewhere_gets_no_leave_and_no_header_makes_another_method(port: int) -> None:
    """No CORS, no override of methods, no way up a path, no other protocol."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        client.headers.update({"authorization": f"Bearer {KEY}"})
        page = {"origin": "https://evil.example", "access-control-request-method": "POST"}
        answers = {
            "asked before": client.options("/v1/signals", headers=page),
            "asked across": client.get("/v1/leads", headers=page),
            "head": client.head("/v1/leads"),
            "overridden": client.get("/v1/approvals/ap_1", headers={"x-http-method-override": "DELETE"}),
            "overridden in the address": client.get("/v1/leads", params={"_method": "POST"}),
            "another address": client.get("/v1/none", headers={"x-original-url": "/v1/leads"}),
            "up the path": client.get("/v1/leads/%2e%2e/approvals"),
            "two slashes": client.get("//v1/leads"),
            "another protocol": client.get("/v1/leads", headers={"connection": "Upgrade", "upgrade": "h2c"}),
            "another proxy": client.get(
                "/v1/leads", headers={"x-forwarded-for": "127.0.0.1", "forwarded": "host=x"}
            ),
            "a trace": client.request("TRACE", "/v1/leads", headers={"cookie": "secret"}),
        }
    found = {name: answer.status_code for name, answer in answers.items()}
    assert found == {
        "asked before": 405, "asked across": 200, "head": 405, "overridden": 404, "overridden in the address": 200,
        "another address": 404, "up the path": 404, "two slashes": 404, "another protocol": 200,
        "another proxy": 200, "a trace": 405,
    }  # fmt: skip
    names = {name for answer in answers.values() for name in answer.headers}
    assert not [name for name in names if name.startswith("access-control-")]
    assert "secret" not in answers["a trace"].text


def test_another_charset_is_not_read_as_if_it_were_utf_8(port: int) -> None:
    """Nor is a body that is packed twice, or said to be."""
    body = '[{"id": "1"}]'
    packed = gzip.compress(gzip.compress(body.encode()))
    tries = {
        "utf-16": (body.encode("utf-16"), "application/json; charset=utf-16", ""),
        "utf-7": (b"+AFsAXQ-", "application/json; charset=utf-7", ""),
        "a mark of order": (b"\xef\xbb\xbf[]", "application/json", ""),
        "half a sign": (b'["\xc3"]', "application/json", ""),
        "a lone surrogate": (b'[{"id": "\\ud800"}]', "application/json", ""),
        "packed twice": (packed, "application/json", "gzip, gzip"),
        "packed otherwise": (packed, "application/json", "br"),
    }
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        client.headers.update({"authorization": f"Bearer {KEY}"})
        for name, (sent, kind, packing) in tries.items():
            headers = {"content-type": kind} | ({"content-encoding": packing} if packing else {})
            answer = client.post("/v1/signals", content=sent, headers=headers)
            refused = answer.status_code in {400, 415, 422}
            kept_aside = answer.status_code == 202 and answer.json()["accepted"] == 0
            assert refused or kept_aside, (name, answer.text)


def test_the_house_is_nowhere_in_what_a_stranger_is_told(port: int) -> None:
    answers = [said(port, head) for head in HEADS.values()]
    house = str(Path(__file__).parents[3])
    assert all(house.encode() not in answer and b"Traceback" not in answer for answer in answers)
