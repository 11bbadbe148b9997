"""Exports: what is in them, what is not, and what happens to files that are none."""

import gzip
from pathlib import Path

import orjson
import pytest

from domain.errors import BadInput, ConfigError
from domain.ids import LeadId, TenantId
from tests.tools.audit.conftest import Exhibit
from tests.tools.audit.memory import MemoryRows, entry, log_of
from tools.audit.export import export
from tools.audit.verify_export import verify_export
from tools.privacy.vault import LeadVault


@pytest.mark.parametrize("name", ["again.jsonl", "again.jsonl.gz"])
async def test_the_same_log_gives_the_same_bytes(exhibit: Exhibit, tmp_path: Path, name: str) -> None:
    """Compressed or not, and the two hold the same; `told` hears of progress."""
    told: list[int] = []
    done = await export(exhibit.log, tmp_path / name, tenant=None, told=told.append)
    await export(exhibit.log, tmp_path / f"2{name}", tenant=None)
    one, two = (tmp_path / name).read_bytes(), (tmp_path / f"2{name}").read_bytes()
    assert one == two
    plain = gzip.decompress(one) if name.endswith(".gz") else one
    assert plain == exhibit.file.read_bytes()
    assert (done.rows, done.seals, done.bytes, told[-1]) == (1_205, 200, len(plain), 1_205)


async def test_an_export_of_one_tenant_holds_nothing_of_another(exhibit: Exhibit, tmp_path: Path) -> None:
    """And is verified against an anchor that speaks of both."""
    file = tmp_path / "acme.jsonl"
    await export(exhibit.log, file, tenant=TenantId("acme"))
    assert b"zeta" not in file.read_bytes()
    found = verify_export(file, anchor=exhibit.anchor, public_key=exhibit.public_key)
    assert (found.ok, found.chains) == (True, 3)
    assert {chain.split("/")[0] for chain in found.anchored_to} == {"acme"}


async def test_an_export_holds_no_plain_payload(tmp_path: Path) -> None:
    """Ciphertext, salt and commitment only; no key."""
    rows, vault = MemoryRows(), LeadVault(b"m" * 32)
    payload = vault.seal(TenantId("acme"), LeadId("ld_1"), b"a very private sentence")
    rows.payloads[payload.commitment] = payload
    rows.add(entry(commitment=payload.commitment), "w1")
    await export(log_of(rows, tmp_path), tmp_path / "log.jsonl", tenant=None)
    whole = (tmp_path / "log.jsonl").read_bytes()
    assert b"private" not in whole
    assert [
        set(orjson.loads(text)["seal"]) for text in whole.split(b"\n") if text.startswith(b'{"seal"')
    ] == [{"ciphertext", "commitment", "key_id", "salt"}]


async def test_erased_payloads_are_counted_and_sound(exhibit: Exhibit, tmp_path: Path) -> None:
    """An export after an erasure differs only by what is gone."""
    gone = dict(list(exhibit.rows.payloads.items())[10:])
    rows = MemoryRows(stored=exhibit.rows.stored, payloads=gone, kept=exhibit.rows.kept)
    log = log_of(rows, exhibit.anchor.parent)
    await export(log, tmp_path / "log.jsonl", tenant=None)
    found = verify_export(tmp_path / "log.jsonl", anchor=exhibit.anchor, public_key=exhibit.public_key)
    assert (found.ok, found.sealed, found.erased) == (True, 190, 10)


async def test_an_existing_file_is_left_alone(exhibit: Exhibit, tmp_path: Path) -> None:
    """It might be the database."""
    file = tmp_path / "leadgraph.db"
    file.write_text("precious")
    with pytest.raises(BadInput, match="there already"):
        await export(exhibit.log, file, tenant=None)
    assert file.read_text() == "precious"


async def test_a_place_that_cannot_be_written_is_named(exhibit: Exhibit, tmp_path: Path) -> None:
    """And nothing is left lying about."""
    with pytest.raises(BadInput, match="cannot be written"):
        await export(exhibit.log, tmp_path / "nowhere" / "log.jsonl", tenant=None)
    assert [*tmp_path.glob("**/*")] == []  # noqa: ASYNC240 - a look at what is left


NO_EXPORTS = (
    b"", b"\n", b"hello", b"{}\n", b'{"header":{}}\n', b'{"header":[]}\n', b'{"header":{"format":2}}\n',
    b"null\n", b"\x1f\x8b", b"\x1f\x8b\x08\0\0\0\0\0", b"\xff\xfe\n" * 9, b"[" * 100_000 + b"\n",
    b"\0" * 1_000,
)  # fmt: skip


@pytest.mark.parametrize("content", NO_EXPORTS, ids=range(len(NO_EXPORTS)))
def test_a_file_that_is_no_export_does_not_verify(tmp_path: Path, content: bytes) -> None:
    """It is judged like any damaged export, without a traceback."""
    file = tmp_path / "file"
    file.write_bytes(content)
    found = verify_export(file)
    assert found.ok is False
    assert "bad_header" in {problem.code for problem in found.problems}


MALFORMED = (
    b'{"row":{},"prev":"%s","hash":"%s"}',
    b'{"row":[],"prev":"%s","hash":"%s"}',
    b'{"row":,"prev":"%s","hash":"%s"}',
    b'{"row":{"tenant":1,"writer":[],"seq":"x","commitment":{}},"prev":"%s","hash":"%s"}',
    b'{"row":{"tenant":"a","writer":"w","seq":true,"commitment":null},"prev":"%s","hash":"%s"}',
    b'{"row":',
    b'{"root":{"at":1}}',
    b'{"seal":{}}',
    b'{"seal":{"ciphertext":"?","commitment":"x","key_id":"k","salt":1}}',
    b'{"end":{}}',
    b'{"end":1}',
    b"nonsense",
    b"",
)


@pytest.mark.parametrize("row", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_line_is_a_finding(exhibit: Exhibit, tmp_path: Path, row: bytes) -> None:
    """Whatever is put into the middle."""
    text = row.replace(b"%s", b"0" * 64)
    file = tmp_path / "file"
    for place in (1, 9, 1_000):
        lines = [*exhibit.lines[:place], text, *exhibit.lines[place:]]
        file.write_bytes(b"".join(line + b"\n" for line in lines))
        assert verify_export(file).ok is False


async def test_an_older_export_is_verified_as_of_its_time(exhibit: Exhibit, tmp_path: Path) -> None:
    """The anchor has grown since: its later lines would look like a cut, so they are left out on request."""
    chains = {chain: list(rows) for chain, rows in exhibit.rows.stored.items()}
    rows = MemoryRows(stored=chains, kept=list(exhibit.rows.kept))
    rows.add(entry(), "w1")
    log = log_of(rows, exhibit.anchor.parent)
    log.anchor = tmp_path / "anchor.jsonl"
    log.anchor.write_bytes(exhibit.anchor.read_bytes())
    await log.sign_roots(now=9_000)
    assert {found.code for found in verify_export(exhibit.file, anchor=log.anchor).problems} == {"truncated"}
    assert verify_export(exhibit.file, anchor=log.anchor, until=2_000).ok is True


def test_missing_files_are_errors_and_not_findings(exhibit: Exhibit, tmp_path: Path) -> None:
    """A typing mistake is not tampering."""
    with pytest.raises(BadInput, match="cannot be read"):
        verify_export(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="cannot be read"):
        verify_export(tmp_path)
    with pytest.raises(ConfigError, match="anchor"):
        verify_export(exhibit.file, anchor=tmp_path / "nowhere")
