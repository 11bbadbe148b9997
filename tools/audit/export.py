"""Writing an export: all that an auditor needs to verify the log without us, and nothing that he could read.

The same state of the log gives the same bytes. The file appears under its name only when it is complete.
"""

import asyncio
import gzip
import os
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from domain.errors import BadInput
from domain.ids import TenantId
from tools.audit.lines import FORMAT, json_line, row_line, seal_line
from tools.audit.roots import Root
from tools.audit.signed import Head, SignedAuditLog
from tools.audit.verifier import payload_of, said_by

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds."""

    rows: int
    chains: int
    roots: int
    seals: int
    bytes: int
    """Before compression."""


@dataclass(slots=True)
class _Sink:
    """Lines with their running checksum."""

    file: BinaryIO | gzip.GzipFile
    digest: Any = field(default_factory=sha256)
    size: int = 0

    def put(self, text: bytes) -> None:
        whole = text + b"\n"
        self.digest.update(whole)
        self.size += len(whole)
        self.file.write(whole)

    @property
    def checksum(self) -> str:
        return str(self.digest.hexdigest())


async def export(
    log: SignedAuditLog, file: Path, *, tenant: TenantId | None, told: Told = lambda _: None
) -> Exported:
    """Write the log of `tenant` (None: of all) to `file`, compressed if its name ends in ``.gz``.

    `told` hears the number of rows written so far. Raises: BadInput if `file` is there already or cannot be
    made.
    """
    roots = await log.roots(tenant)  # before the heads, so that no root lies beyond its chain's head
    heads = await log.heads(tenant)
    return await asyncio.to_thread(_save, _Source(log, heads, roots, tenant, told), file)


@dataclass(frozen=True, slots=True)
class _Source:
    """What is exported, as of its heads."""

    log: SignedAuditLog
    heads: list[Head]
    roots: list[Root]
    tenant: TenantId | None
    told: Told


def _save(source: _Source, file: Path) -> Exported:
    if file.exists():
        raise BadInput("file", f"{file} is there already", "name another file, or remove it first")
    draft = file.with_name(f".{file.name}.part")
    try:
        with draft.open("wb") as raw:
            if file.suffix == ".gz":
                with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as packed:
                    done = _write(source, packed)
            else:
                done = _write(source, raw)
            raw.flush()
            os.fsync(raw.fileno())
        draft.replace(file)
    except OSError as error:
        raise BadInput(
            "file", f"{file} cannot be written ({error.strerror})", "name a file that can"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return done


def _write(source: _Source, out: BinaryIO | gzip.GzipFile) -> Exported:
    sink, rows, seals = _Sink(out), 0, 0
    ends = {(head.tenant, head.writer): head.seq for head in source.heads}
    sink.put(json_line("header", _header(source)))
    for root in source.roots:
        sink.put(json_line("root", asdict(root)))
    with closing(_rows(source, ends)) as batches:
        for count, lines in batches:
            for text in lines:
                sink.put(text)
            rows += count
            seals += len(lines) - count
            source.told(rows)
    sink.put(json_line("end", {"rows": rows, "seals": seals, "sha256": sink.checksum}))
    return Exported(rows, len(ends), len(source.roots), seals, sink.size)


def _header(source: _Source) -> dict[str, object]:
    return {
        "format": FORMAT,
        "heads": [[head.tenant, head.writer, head.seq, head.hash] for head in source.heads],
        "public_key": b64encode(source.log.signer.public).decode(),
        "roots": len(source.roots),
        "rows": sum(head.seq for head in source.heads),
        "tenant": source.tenant,
    }


def _rows(
    source: _Source, ends: dict[tuple[str, str], int]
) -> Generator[tuple[int, list[bytes]], None, None]:
    """Batches of lines, a payload right after its row; rows newer than the header's are left out."""
    with closing(source.log.rows(source.tenant)) as batches:
        for batch in batches:
            kept = [row for row in batch if row.seq <= ends.get((row.tenant, row.writer), 0)]
            commitments = [payload_of(said_by(row.body)) for row in kept]
            there = source.log.seals([text for text in commitments if text])
            lines = []
            for row, named in zip(kept, commitments, strict=True):
                lines.append(row_line(row))
                if named and named in there:
                    lines.append(seal_line(there[named]))
            yield len(kept), lines
