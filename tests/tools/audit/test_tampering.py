"""Whatever is done to a log before its last anchored root is found; what cannot be found is stated."""

import gzip
import random
from base64 import b64encode
from dataclasses import asdict, replace
from pathlib import Path

import orjson
import pytest

from domain.chain import link
from domain.verification import Verification
from tests.tools.audit import tampering
from tests.tools.audit.conftest import Exhibit
from tests.tools.audit.memory import signer
from tools.audit import anchor as anchors
from tools.audit.lines import json_line
from tools.audit.roots import Root, from_fields, line, sign
from tools.audit.verify_export import verify_export
from tools.privacy.keys import Signer

PLACES, CARELESS = 8, 3
NEEDS_THE_ANCHOR = {"truncate_with_roots"}
"""A shorter log without its last roots is a sound log; only the anchor knows better."""


def judged(
    lines: list[bytes], exhibit: Exhibit, folder: Path, *, anchor: bool = True, key: bytes | None = None
) -> Verification:
    """What the verifier says about these lines."""
    file = folder / "tampered.jsonl"
    file.write_bytes(b"".join(text + b"\n" for text in lines))
    return verify_export(file, anchor=exhibit.anchor if anchor else None, public_key=key)


def test_making_counts_and_checksum_fit_is_itself_no_finding(exhibit: Exhibit, tmp_path: Path) -> None:
    """So that what is found below is the tampering."""
    assert tampering.polish(exhibit.lines) == exhibit.lines


def test_the_untouched_export_is_sound(exhibit: Exhibit) -> None:
    """Everything is there; the rows after the last root are not vouched for yet."""
    found = verify_export(exhibit.file, anchor=exhibit.anchor, public_key=exhibit.public_key)
    assert (found.ok, found.problems) == (True, [])
    assert found.rows == 200 * 6 + 5
    assert (found.chains, found.sealed, found.erased) == (6, 200, 0)
    ends = {"/".join(chain): len(rows) for chain, rows in exhibit.rows.stored.items()}
    assert {chain: found.anchored_to[chain] + found.unanchored[chain] for chain in ends} == ends
    assert {chain: n for chain, n in found.unanchored.items() if n} == {"acme/w1": 5}


@pytest.mark.parametrize("tamper", tampering.CLASSES, ids=lambda tamper: tamper.__name__)
def test_tampering_is_found_wherever_it_happens(
    tamper: tampering.Tamper, exhibit: Exhibit, tmp_path: Path
) -> None:
    """At random places, by somebody careless and by somebody who makes counts and checksums fit."""
    missed = []
    for place in range(PLACES):
        tampered = tamper(exhibit.lines, random.Random(place))
        assert tampered != exhibit.lines
        for careful in (False, True) if place < CARELESS else (True,):
            lines = tampering.polish(tampered) if careful else tampered
            found = judged(lines, exhibit, tmp_path, key=exhibit.public_key)
            if found.ok or (careful and found.problems[0].code not in tampering.CLASSES[tamper]):
                missed.append((place, careful, found.problems[:2]))
    assert missed == []


@pytest.mark.parametrize("tamper", tampering.CLASSES, ids=lambda tamper: tamper.__name__)
def test_without_the_anchor_only_a_shorter_past_is_believed(
    tamper: tampering.Tamper, exhibit: Exhibit, tmp_path: Path
) -> None:
    """Signed roots in the export itself find the rest."""
    tampered = tampering.polish(tamper(exhibit.lines, random.Random(99)))
    found = judged(tampered, exhibit, tmp_path, anchor=False)
    assert found.ok is (tamper.__name__ in NEEDS_THE_ANCHOR)
    assert found.anchored_to == {}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_no_byte_of_the_file_can_flip_unseen(exhibit: Exhibit, tmp_path: Path, packed: bool) -> None:
    """Header, roots, framing, payloads and end included, even without anchor or key."""
    draw, file = random.Random(5), tmp_path / "flipped"
    whole = tampering.packed(exhibit.lines) if packed else exhibit.file.read_bytes()
    missed = []
    for _ in range(60):
        place, bit = draw.randrange(10 if packed else 0, len(whole)), 1 << draw.randrange(8)
        file.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        if verify_export(file).ok:
            missed.append((place, bit))
    assert missed == []


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_file_cut_short_is_found(exhibit: Exhibit, tmp_path: Path, share: float, packed: bool) -> None:
    """Wherever the cut falls, and without a traceback."""
    whole = gzip.compress(exhibit.file.read_bytes()) if packed else exhibit.file.read_bytes()
    file = tmp_path / "cut"
    file.write_bytes(whole[: int(len(whole) * share)])
    found = verify_export(file, anchor=exhibit.anchor)
    assert (found.ok, bool(found.problems)) == (False, True)


def resigned(lines: list[bytes], by: Signer) -> list[bytes]:
    """The chains rewritten from the first row, and every root signed anew by `by`, named in the header."""
    out = list(lines)
    chains = {tampering.chain_of(out[n]) for n in tampering.rows_at(out)}
    for chain in chains:
        for number in tampering.rows_at(out, chain):
            body, prev, _ = tampering.parts_of(out[number])
            out[number] = tampering.written(body.replace(b'"band":"warm"', b'"band":"cold"'), prev)
        out = tampering.rehash(out, chain)
    hashes = {}
    for number in tampering.rows_at(out):
        body, prev, _ = tampering.parts_of(out[number])
        said = tampering.body_of(out[number])
        hashes[said["tenant"], said["writer"], said["seq"]] = link(prev, body)
    for number, text in enumerate(out):
        if text.startswith(b'{"root":'):
            root = from_fields(orjson.loads(text)["root"])
            assert root
            out[number] = json_line("root", asdict(anew(root, hashes, by)))
        if text.startswith(b'{"header":'):
            header = orjson.loads(text)["header"] | {"public_key": b64encode(by.public).decode()}
            out[number] = json_line("header", header)
    return tampering.polish(out)


def anew(root: Root, hashes: dict[tuple[str, str, int], str], by: Signer) -> Root:
    """The same root of the rewritten chain."""
    place = root.tenant, root.writer, root.seq
    return sign(by, tenant=root.tenant, writer=root.writer, seq=root.seq, row_hash=hashes[place], at=root.at)


def test_a_rewrite_under_another_key_is_found_by_key_or_anchor(exhibit: Exhibit, tmp_path: Path) -> None:
    """Perfect in itself; but the real key, or the anchor, says otherwise."""
    lines = resigned(exhibit.lines, signer(tmp_path))
    assert judged(lines, exhibit, tmp_path, anchor=False).ok is True
    assert judged(lines, exhibit, tmp_path, anchor=False, key=exhibit.public_key).ok is False
    assert judged(lines, exhibit, tmp_path).ok is False


def test_a_rewrite_with_the_real_key_is_found_by_the_anchor(exhibit: Exhibit, tmp_path: Path) -> None:
    """Whoever has the database and the signing key cannot change what was anchored."""
    lines = resigned(exhibit.lines, exhibit.log.signer)
    found = judged(lines, exhibit, tmp_path, key=exhibit.public_key)
    assert {problem.code for problem in found.problems} == {"anchor_mismatch"}
    assert judged(lines, exhibit, tmp_path, anchor=False, key=exhibit.public_key).ok is True


def test_limit_key_and_anchor_together_can_rewrite_everything(exhibit: Exhibit, tmp_path: Path) -> None:
    """Stated as not to be found: this is why the anchor lies where the operator of the home cannot write."""
    lines = resigned(exhibit.lines, exhibit.log.signer)
    forged = tmp_path / "anchor.jsonl"
    roots = [from_fields(orjson.loads(text)["root"]) for text in lines if text.startswith(b'{"root":')]
    anchors.append(forged, [root for root in roots if root])
    found = judged(lines, replace(exhibit, anchor=forged), tmp_path, key=exhibit.public_key)
    assert found.ok is True


def test_limit_rows_after_the_last_root_can_go(exhibit: Exhibit, tmp_path: Path) -> None:
    """Stated as not to be found; the verdict names how many rows are in that position."""
    number = tampering.rows_at(exhibit.lines, ("acme", "w1"))[-3]
    found = judged(tampering.polish(tampering.truncate_at(exhibit.lines, number)), exhibit, tmp_path)
    assert (found.ok, found.unanchored["acme/w1"]) == (True, 2)


@pytest.mark.parametrize("change", ["hash", "seq", "at", "tenant", "signature", "key"])
def test_a_changed_line_of_the_anchor_is_found(exhibit: Exhibit, tmp_path: Path, change: str) -> None:
    """It is signed, line by line."""
    lines = exhibit.anchor.read_bytes().split(b"\n")[:-1]
    root = orjson.loads(lines[3])
    other = orjson.loads(lines[8])
    root[change] = other[change] if other[change] != root[change] else f"{root[change]}x"
    forged = tmp_path / "anchor.jsonl"
    lines[3] = orjson.dumps(root, option=orjson.OPT_SORT_KEYS)
    forged.write_bytes(b"\n".join(lines) + b"\n")
    found = verify_export(exhibit.file, anchor=forged, public_key=exhibit.public_key)
    assert found.ok is False


def test_roots_of_another_chain_cannot_stand_in(exhibit: Exhibit, tmp_path: Path) -> None:
    """A genuine root moved to another writer of the same tenant does not hold there."""
    root = from_fields(orjson.loads(exhibit.anchor.read_bytes().split(b"\n")[0]))
    assert root
    moved = tmp_path / "anchor.jsonl"
    moved.write_bytes(line(replace(root, writer="w2" if root.writer != "w2" else "w3")) + b"\n")
    found = verify_export(exhibit.file, anchor=moved, public_key=exhibit.public_key)
    assert [problem.code for problem in found.problems] == ["anchor_signature"]
