"""Ways of tampering with an export. Each takes its lines and a random source, and gives back other lines.

`rehash` and `polish` are what a careful attacker does afterwards: he makes later hashes fit, and header,
counts and checksum too. He has no signing key.
"""

import gzip
import random
from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

from domain.chain import GENESIS, link
from tools.audit.lines import ROW, json_line, row_parts
from tools.privacy.vault import commitment

Lines = list[bytes]
Chain = tuple[str, str]
Tamper = Callable[[Lines, random.Random], Lines]


@lru_cache(8)
def places(lines: tuple[bytes, ...]) -> tuple[tuple[int, str, str, int], ...]:
    """(line, tenant, writer, seq) of each row."""
    rows = [(n, body_of(text)) for n, text in enumerate(lines) if text.startswith(ROW)]
    return tuple((n, body["tenant"], body["writer"], body["seq"]) for n, body in rows)


def rows_at(lines: Lines, chain: Chain | None = None) -> list[int]:
    """Where the rows are, of one chain or of all."""
    return [n for n, tenant, writer, _ in places(tuple(lines)) if chain in (None, (tenant, writer))]


def body_of(text: bytes) -> dict[str, Any]:
    """What a row says."""
    parts = row_parts(text)
    assert parts
    body: dict[str, Any] = orjson.loads(parts[0])
    return body


def chain_of(text: bytes) -> Chain:
    """Tenant and writer of a row."""
    body = body_of(text)
    return body["tenant"], body["writer"]


def written(body: bytes, prev: str) -> bytes:
    """A row whose own hash fits."""
    return ROW + body + b',"prev":"' + prev.encode() + b'","hash":"' + link(prev, body).encode() + b'"}'


def parts_of(text: bytes) -> tuple[bytes, str, str]:
    """Body, prev, hash."""
    parts = row_parts(text)
    assert parts
    return parts


def anchored_rows(lines: Lines) -> list[int]:
    """Rows before the last root of their chain: the ones that nobody may change unseen."""
    last: dict[Chain, int] = {}
    for text in lines:
        if text.startswith(b'{"root":'):
            root = orjson.loads(text)["root"]
            last[root["tenant"], root["writer"]] = root["seq"]
    return [n for n, tenant, writer, seq in places(tuple(lines)) if seq <= last.get((tenant, writer), 0)]


def rehash(lines: Lines, chain: Chain, start: int = 0) -> Lines:
    """Make all links of a chain fit from line `start` on."""
    out, prev = list(lines), GENESIS
    for number in rows_at(lines, chain):
        body, _, row_hash = parts_of(out[number])
        if number >= start:
            out[number] = written(body, prev)
            row_hash = link(prev, body)
        prev = row_hash
    return out


def polish(lines: Lines) -> Lines:
    """Make header, counts and checksum agree with what is there."""
    out = [text for text in lines if not text.startswith((b'{"header":', b'{"end":'))]
    header = orjson.loads(next(text for text in lines if text.startswith(b'{"header":')))["header"]
    heads: dict[Chain, list[Any]] = {}
    rows = 0
    for text in out:
        if text.startswith(ROW) and (parts := row_parts(text)):
            rows += 1
            try:
                body = orjson.loads(parts[0])
                heads[body["tenant"], body["writer"]] = [
                    body["tenant"],
                    body["writer"],
                    body["seq"],
                    parts[2],
                ]
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue
    seals = sum(text.startswith(b'{"seal":') for text in out)
    roots = sum(text.startswith(b'{"root":') for text in out)
    header |= {"rows": rows, "roots": roots, "heads": [heads[chain] for chain in sorted(heads)]}
    out.insert(0, json_line("header", header))
    checksum = sha256(b"".join(text + b"\n" for text in out)).hexdigest()
    return [*out, json_line("end", {"rows": rows, "seals": seals, "sha256": checksum})]


def flip_a_byte(lines: Lines, draw: random.Random) -> Lines:
    """One bit of one byte of a row, wherever it falls."""
    number = draw.choice(anchored_rows(lines))
    text = bytearray(lines[number])
    text[draw.randrange(len(text))] ^= 1 << draw.randrange(7)
    return [*lines[:number], bytes(text).replace(b"\n", b"\x0b"), *lines[number + 1 :]]


def edit_a_field(lines: Lines, draw: random.Random) -> Lines:
    """Another outcome, the hash left as it was."""
    number = draw.choice(anchored_rows(lines))
    change = draw.choice([(b'"code":"ok"', b'"code":"no"'), (b'"band":"warm"', b'"band":"cold"')])
    return [*lines[:number], lines[number].replace(*change), *lines[number + 1 :]]


def delete(lines: Lines, draw: random.Random) -> Lines:
    """A row gone, with its payload."""
    number = draw.choice(anchored_rows(lines))
    after = number + 1 + lines[number + 1].startswith(b'{"seal":')
    return [*lines[:number], *lines[after:]]


def delete_and_relink(lines: Lines, draw: random.Random) -> Lines:
    """A row gone, the rest renumbered and linked again."""
    number = draw.choice(anchored_rows(lines))
    chain, gone = chain_of(lines[number]), body_of(lines[number])["seq"]
    out = [*lines[:number], *lines[number + 1 :]]
    for later in rows_at(out, chain):
        body, prev, _ = parts_of(out[later])
        seq = body_of(out[later])["seq"]
        if seq > gone:
            out[later] = written(body.replace(b'"seq":%d,' % seq, b'"seq":%d,' % (seq - 1)), prev)
    if out[number].startswith(b'{"seal":'):
        del out[number]
    return rehash(out, chain)


def swap(lines: Lines, draw: random.Random) -> Lines:
    """Two rows of one chain in each other's place."""
    one = draw.choice(anchored_rows(lines))
    chain = chain_of(lines[one])
    two = draw.choice([n for n in rows_at(lines, chain) if n != one])
    out = list(lines)
    out[one], out[two] = out[two], out[one]
    return out


def insert(lines: Lines, draw: random.Random) -> Lines:
    """A made-up row, well hashed, between two others."""
    number = draw.choice(anchored_rows(lines))
    body, _, row_hash = parts_of(lines[number])
    return [*lines[: number + 1], written(body.replace(b'"code":"ok"', b'"code":"made_up"'), row_hash),
            *lines[number + 1 :]]  # fmt: skip


def duplicate(lines: Lines, draw: random.Random) -> Lines:
    """A row twice, at once or later."""
    number = draw.choice(anchored_rows(lines))
    place = draw.choice([n for n in rows_at(lines) if n >= number])
    return [*lines[: place + 1], lines[number], *lines[place + 1 :]]


def back_date(lines: Lines, draw: random.Random) -> Lines:
    """An earlier time, and this one row's hash made to fit."""
    number = draw.choice(anchored_rows(lines))
    return [*lines[:number], _earlier(lines[number]), *lines[number + 1 :]]


def back_date_and_relink(lines: Lines, draw: random.Random) -> Lines:
    """An earlier time, and every hash from there on made to fit."""
    number = draw.choice(anchored_rows(lines))
    out = [*lines[:number], _earlier(lines[number]), *lines[number + 1 :]]
    return rehash(out, chain_of(lines[number]), number)


def _earlier(text: bytes) -> bytes:
    body, prev, _ = parts_of(text)
    at = body_of(text)["at"]
    return written(body.replace(b'{"at":%d,' % at, b'{"at":%d,' % (at - 86_400_000_000), 1), prev)


def truncate(lines: Lines, draw: random.Random) -> Lines:
    """A chain ends before its last root; the root stays."""
    return truncate_at(lines, draw.choice(anchored_rows(lines)))


def truncate_with_roots(lines: Lines, draw: random.Random) -> Lines:
    """A chain ends earlier, and its roots are gone with it: only the anchor remembers."""
    number = draw.choice(anchored_rows(lines))
    chain = chain_of(lines[number])
    return [text for text in truncate_at(lines, number) if not _is_root_of(text, chain)]


def truncate_at(lines: Lines, number: int) -> Lines:
    """Cut the chain of that row from there on."""
    chain = chain_of(lines[number])
    gone = {n for n in rows_at(lines, chain) if n >= number}
    gone |= {n + 1 for n in gone if lines[n + 1].startswith(b'{"seal":')}
    return [text for n, text in enumerate(lines) if n not in gone]


def rewrite_the_chain(lines: Lines, draw: random.Random) -> Lines:
    """Another history from the first row on, perfectly linked."""
    chain = chain_of(lines[draw.choice(anchored_rows(lines))])
    out = list(lines)
    for number in rows_at(lines, chain):
        body, prev, _ = parts_of(out[number])
        out[number] = written(body.replace(b'"band":"warm"', b'"band":"cold"'), prev)
    return rehash(out, chain)


def fork(lines: Lines, draw: random.Random) -> Lines:
    """A second row with the same number after the same row."""
    number = draw.choice(anchored_rows(lines))
    body, prev, _ = parts_of(lines[number])
    return [
        *lines[: number + 1],
        written(body.replace(b'"code":"ok"', b'"code":"no"'), prev),
        *lines[number + 1 :],
    ]


def another_tenants_chain(lines: Lines, draw: random.Random) -> Lines:
    """All rows of a chain replaced by those of another tenant, relabelled and linked."""
    chain = chain_of(lines[draw.choice(anchored_rows(lines))])
    other = draw.choice([c for c in {chain_of(lines[n]) for n in rows_at(lines)} if c[0] != chain[0]])
    mine = rows_at(lines, chain)
    gone = {*mine, *(n + 1 for n in mine if lines[n + 1].startswith(b'{"seal":'))}
    taken = [lines[n] for n in rows_at(lines, other)]
    if draw.random() < 0.5:
        taken = [written(relabelled(parts_of(text)[0], other, chain), GENESIS) for text in taken]
    out = [text for n, text in enumerate(lines) if n not in gone]
    return rehash([*out[: mine[0]], *taken, *out[mine[0] :]], chain)


def replace_ciphertext(lines: Lines, draw: random.Random) -> Lines:
    """Another payload under the same commitment."""
    return _reseal(lines, draw, ciphertext=draw.randbytes(80))


def replace_salt(lines: Lines, draw: random.Random) -> Lines:
    """Another salt under the same commitment."""
    return _reseal(lines, draw, salt=draw.randbytes(16))


def replace_payload_and_commitment(lines: Lines, draw: random.Random) -> Lines:
    """Another payload with a commitment that fits it."""
    salt, ciphertext = draw.randbytes(16), draw.randbytes(80)
    return _reseal(lines, draw, salt=salt, ciphertext=ciphertext, commitment=commitment(salt, ciphertext))


def exchange_payloads(lines: Lines, draw: random.Random) -> Lines:
    """Two genuine payloads in each other's place."""
    one, two = draw.sample([n for n, text in enumerate(lines) if text.startswith(b'{"seal":')], 2)
    out = list(lines)
    out[one], out[two] = out[two], out[one]
    return out


def _reseal(lines: Lines, draw: random.Random, **parts: Any) -> Lines:
    number = draw.choice([n for n, text in enumerate(lines) if text.startswith(b'{"seal":')])
    seal = orjson.loads(lines[number])["seal"]
    seal |= {k: b64encode(v).decode() if isinstance(v, bytes) else v for k, v in parts.items()}
    return [*lines[:number], json_line("seal", seal), *lines[number + 1 :]]


def relabelled(body: bytes, old: Chain, new: Chain) -> bytes:
    """A row that says it belongs to another chain."""
    for name, before, after in zip(("tenant", "writer"), old, new, strict=True):
        body = body.replace(f'"{name}":"{before}"'.encode(), f'"{name}":"{after}"'.encode())
    return body


def _is_root_of(text: bytes, chain: Chain) -> bool:
    if not text.startswith(b'{"root":'):
        return False
    root = orjson.loads(text)["root"]
    return (root["tenant"], root["writer"]) == chain


def packed(lines: Lines) -> bytes:
    """The lines as a compressed export."""
    return gzip.compress(b"".join(text + b"\n" for text in lines), mtime=0)


CLASSES: dict[Tamper, set[str]] = {
    flip_a_byte: {"altered", "damaged_row", "damaged_line", "broken_link", "gap", "misplaced", "disorder"},
    edit_a_field: {"altered"},
    delete: {"gap", "truncated"},
    delete_and_relink: {"root_mismatch", "anchor_mismatch", "truncated"},
    swap: {"gap"},
    insert: {"fork"},
    duplicate: {"duplicate", "disorder", "chain_split"},
    back_date: {"broken_link", "root_mismatch"},
    back_date_and_relink: {"root_mismatch", "anchor_mismatch"},
    truncate: {"truncated"},
    truncate_with_roots: {"truncated"},
    rewrite_the_chain: {"root_mismatch", "anchor_mismatch"},
    fork: {"fork", "root_mismatch"},
    another_tenants_chain: {
        "disorder",
        "root_mismatch",
        "anchor_mismatch",
        "chain_split",
        "truncated",
        "gap",
        "duplicate",
    },
    replace_ciphertext: {"seal_altered"},
    replace_salt: {"seal_altered"},
    replace_payload_and_commitment: {"seal_stray"},
    exchange_payloads: {"seal_stray"},
}
"""All classes, with their careful variants -> what the first finding may be when counts and checksum fit."""
