"""The verifier's core: rows, roots and payloads against each other and against the anchor, in one pass."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from domain.audit import Sealed
from domain.ports.audit import StoredRow
from domain.verification import RESTORED, RESTORED_STEP, Findings, Mark, Verification, Walk
from tools.audit import anchor as anchors
from tools.audit.roots import Root, Signatures, marks
from tools.privacy.vault import commitment

Said = dict[str, Any]
"""What a row's body says of itself; it may say anything."""


def said_by(body: bytes) -> Said | None:
    """Read a body; None if it is no row."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return said if type(said) is dict else None


def payload_of(said: Said | None) -> str | None:
    """The commitment that a row speaks of."""
    named = said.get("commitment") if said else None
    return named if type(named) is str else None


class Verifier:
    """Takes rows in order, and for each payload that they speak of what is still there."""

    def __init__(
        self,
        findings: Findings,
        *,
        roots: Iterable[Root],
        heads: Iterable[Mark] = (),
        anchor: Path | None,
        public_key: bytes | None,
        tenant: str | None = None,
        until: int | None = None,
    ) -> None:
        """`tenant`: only its lines of the anchor count. `until`: only what was anchored by that Instant.

        Raises: ConfigError if the anchor cannot be read.
        """
        self._started = time.perf_counter()
        self._findings = findings
        anchored = [
            root
            for root in (anchors.roots_in(anchor, findings) if anchor else ())
            if (tenant is None or root.tenant == tenant) and (until is None or root.at <= until)
        ]
        self._walk = Walk([*marks(Signatures(public_key, findings), roots, anchored), *heads], findings)
        self.sealed = self.erased = 0

    @property
    def rows(self) -> int:
        """Rows seen so far."""
        return self._walk.rows

    def row(self, row: StoredRow, said: Said | None) -> str | None:
        """The next row, with what its body says; returns the commitment that it speaks of."""
        self._walk.row(row, said)
        if said and (said.get("step"), said.get("code")) == (RESTORED_STEP, RESTORED):
            self._cut(row, said.get("detail"))
        return payload_of(said)

    def _cut(self, row: StoredRow, detail: object) -> None:
        if isinstance(detail, dict) and type(detail.get("rows")) is int:
            self._walk.cut((row.tenant, str(detail.get("writer"))), detail["rows"])

    def payload(self, row: StoredRow, named: str, sealed: Sealed | None) -> None:
        """What is there of the payload that `row` spoke of; None if it is gone."""
        if sealed is None:
            self.erased += 1
            return
        self.sealed += 1
        if commitment(sealed.salt, sealed.ciphertext) != named:
            words = "the row's payload is not the one committed to"
            self._findings.add("seal_altered", (row.tenant, row.writer), row.seq, words)

    def result(self) -> Verification:
        """No more rows: the verdict."""
        walk, findings = self._walk, self._findings
        walk.close()
        seconds = max(time.perf_counter() - self._started, 1e-9)
        return Verification(
            ok=findings.total == 0,
            rows=walk.rows,
            chains=len(walk.ends),
            anchored_to={"/".join(chain): seq for chain, seq in sorted(walk.anchored.items())},
            unanchored={
                "/".join(chain): end - walk.anchored.get(chain, 0) for chain, end in sorted(walk.ends.items())
            },
            rows_per_second=round(walk.rows / seconds),
            problems=findings.all(),
            sealed=self.sealed,
            erased=self.erased,
            restored={
                "/".join(chain): (walk.ends.get(chain, 0), last) for chain, last in sorted(walk.lost.items())
            },
        )
