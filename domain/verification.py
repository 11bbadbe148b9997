"""When audit chains are sound: the rules that a walk over all rows checks, and what it can say afterwards.

What no walk can find: rows cut off after the last anchored root, and a history rewritten by somebody who
holds both the signing key and the anchor.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal, NamedTuple

from domain.chain import GENESIS
from domain.ports.audit import StoredRow

ChainKey = tuple[str, str]
"""(tenant, writer)."""
RESTORED_STEP: Final = "home"
RESTORED: Final = "restored"
"""Step and code of the rows by which a restore from a backup says where each older chain ends now."""
PROBLEMS_KEPT: Final = 1_000
"""Findings told one by one; more are only counted."""


class Problem(NamedTuple):
    """One finding. `code` is for counting, `words` for a person; `seq` the place (0 = the whole chain)."""

    code: str
    chain: str
    seq: int
    words: str


class Mark(NamedTuple):
    """What is known from elsewhere about one row: its hash, by a signed root, the anchor, or the head."""

    tenant: str
    writer: str
    seq: int
    hash: str
    by: Literal["root", "anchor", "head"]


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict on a log. Without an anchor `anchored_to` is empty: it is only consistent in itself."""

    ok: bool
    rows: int
    chains: int
    anchored_to: Mapping[str, int]
    """Chain -> the last row that the anchor vouches for."""
    unanchored: Mapping[str, int]
    """Chain -> rows after that one."""
    rows_per_second: int
    problems: Sequence[Problem]
    sealed: int = 0
    """Sealed payloads that were there and match their rows."""
    erased: int = 0
    """Payloads that rows speak of and that are gone."""
    restored: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Chain -> (its last row, the last row that the anchor knows), where a restore says that the rest was cut off."""

    def document(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "ok": self.ok,
            "rows": self.rows,
            "chains": self.chains,
            "anchored_to": dict(self.anchored_to),
            "unanchored": dict(self.unanchored),
            "rows_per_second": self.rows_per_second,
            "problems": [problem._asdict() for problem in self.problems],
            "restored": {
                chain: {"rows": rows, "missing_to": last} for chain, (rows, last) in self.restored.items()
            },
        }


@dataclass(slots=True)
class Findings:
    """Problems as they are found, bounded."""

    kept: list[Problem] = field(default_factory=list)
    total: int = 0

    def add(self, code: str, chain: ChainKey | str, seq: int, words: str) -> None:
        """Count a problem and keep the first `PROBLEMS_KEPT`."""
        self.total += 1
        if len(self.kept) < PROBLEMS_KEPT:
            self.kept.append(Problem(code, chain if isinstance(chain, str) else "/".join(chain), seq, words))

    def all(self) -> list[Problem]:
        """What was kept, and a last line for the rest."""
        if self.total == len(self.kept):
            return self.kept
        rest = self.total - len(self.kept)
        return [*self.kept, Problem("more", "", 0, f"{rest} more problems are not listed")]


class Walk:
    """Takes all rows in the order (tenant, writer, seq), whatever was done to them, and notes what is wrong.

    After a break it goes on from the row that it found, so that one change is not told a thousand times.
    """

    def __init__(self, marks: Iterable[Mark], findings: Findings) -> None:
        """`marks` whose signatures were checked by the caller."""
        self._findings = findings
        self._marks: dict[ChainKey, dict[int, list[Mark]]] = {}
        for mark in marks:
            self._marks.setdefault((mark.tenant, mark.writer), {}).setdefault(mark.seq, []).append(mark)
        self._here: dict[int, list[Mark]] = {}
        self._tenant = self._writer = self._last = ""
        self._seq = 0
        self.rows = 0
        self.ends: dict[ChainKey, int] = {}
        """Chain -> its last row's seq."""
        self.counts: dict[ChainKey, int] = {}
        """Chain -> rows seen in it."""
        self.anchored: dict[ChainKey, int] = {}
        """Chain -> the last row with which the anchor agrees."""
        self._in_chain = 0
        self._cuts: dict[ChainKey, set[int]] = {}
        self.lost: dict[ChainKey, int] = {}
        """Chain that a restore cut off -> the last row that the anchor knows of it."""

    def cut(self, chain: ChainKey, rows: int) -> None:
        """A row says that a restore left `rows` rows of a chain. It is believed of anchored rows of that very chain."""
        self._cuts.setdefault(chain, set()).add(rows)

    def row(self, row: StoredRow, said: Mapping[str, object] | None) -> None:
        """The next row, and what its body says of itself (None if that is unreadable)."""
        tenant, writer, seq, prev, row_hash, body = row
        if tenant != self._tenant or writer != self._writer:
            self._enter(tenant, writer)
        self.rows += 1
        self._in_chain += 1
        if not said or said.get("seq") != seq or said.get("writer") != writer or said.get("tenant") != tenant:
            self._note("misplaced", seq, "the row says itself that it belongs elsewhere")
        if sha256(prev.encode() + body).hexdigest() != row_hash:
            self._note("altered", seq, "the row is not what was hashed")
        if seq != self._seq + 1:
            self._out_of_step(row)
            if seq <= self._seq:
                return
        elif prev != self._last:
            self._note("broken_link", seq, "the row does not follow the one before it")
        if seq in self._here:
            self._compare(row, self._here.pop(seq))
        self._seq, self._last = seq, row_hash

    def close(self) -> None:
        """No more rows: what was vouched for and never came?"""
        self._leave()
        for chain, rest in self._marks.items():
            end = self.ends.get(chain, 0)
            for seq in sorted(rest):
                for mark in rest[seq]:
                    if mark.by == "anchor" and seq > end and end in self._cuts.get(chain, ()):
                        self.lost[chain] = max(seq, self.lost.get(chain, 0))
                        continue
                    where = "was cut off" if seq > end else "is missing"
                    code = "truncated" if seq > end else "vouched_row_missing"
                    self._findings.add(code, chain, seq, f"row {seq}, known by the {mark.by}, {where}")

    def _enter(self, tenant: str, writer: str) -> None:
        self._leave()
        self._tenant, self._writer, self._seq, self._last, self._in_chain = tenant, writer, 0, GENESIS, 0
        chain = tenant, writer
        if chain in self.ends:
            self._note("chain_split", 0, "the chain appears in two places")
            self._seq = self.ends[chain]
            self._in_chain = self.counts[chain]
        self._here = self._marks.get(chain, {})

    def _leave(self) -> None:
        if self._tenant or self._writer or self._in_chain:
            chain = self._tenant, self._writer
            self.ends[chain], self.counts[chain] = self._seq, self._in_chain

    def _out_of_step(self, row: StoredRow) -> None:
        seq, expected = row.seq, self._seq + 1
        if seq > expected:
            missing = f"row {expected} is" if seq == expected + 1 else f"rows {expected} to {seq - 1} are"
            self._note("gap", seq, f"{missing} not where it must be")
        elif row.hash == self._last:
            self._note("duplicate", seq, "the row is there twice")
        elif seq == self._seq:
            self._note("fork", seq, "two different rows claim the same place")
        else:
            self._note("disorder", seq, f"the row stands after row {self._seq}")

    def _compare(self, row: StoredRow, marks: Sequence[Mark]) -> None:
        for mark in marks:
            if mark.hash != row.hash:
                self._note(
                    f"{mark.by}_mismatch", row.seq, f"the row is not the one that the {mark.by} vouches for"
                )
            elif mark.by == "anchor":
                self.anchored[row.tenant, row.writer] = row.seq

    def _note(self, code: str, seq: int, words: str) -> None:
        self._findings.add(code, (self._tenant, self._writer), seq, words)
