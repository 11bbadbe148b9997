"""Verifying a backup or a home: its files, its databases, what must belong together in them, and its audit log."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from domain.audit import Sealed
from domain.errors import BadInput, LeadgraphError
from domain.ports.audit import StoredRow
from domain.verification import Verification
from tools.audit.roots import Root
from tools.audit.stored import stored_root, stored_row
from tools.audit.verify import verify
from tools.backup import manifest as manifests
from tools.backup.copying import is_database, reading
from tools.backup.manifest import Manifest
from tools.backup.relations import RELATIONS
from tools.backup.take import ANCHOR, ERASED, HOME, STORE
from tools.privacy.erased import ErasureList
from tools.privacy.keys import PUBLIC, public_key
from tools.settings import Settings

SHOWN: Final = 5
"""Ids named of one broken relation."""
_BATCH: Final = 2_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `detail` says what was looked at, or what is wrong with it."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """All findings about `place`."""

    place: Path
    findings: Sequence[Finding]
    manifest: Manifest | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is broken."""
        return all(one.ok for one in self.findings)

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        found = [{"name": one.name, "ok": one.ok, "detail": one.detail} for one in self.findings]
        said = {"place": str(self.place), "ok": self.ok, "findings": found}
        return said | ({"backup": self.manifest.document()} if self.manifest else {})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where things lie: in a backup nobody writes, so it is `still`."""

    root: Path
    anchor: Path
    erased: Path
    still: bool


def inspect(settings: Settings, folder: Path | None = None) -> Inspection:
    """Verify the backup in `folder`, or without it the home. Everything is only read.

    Raises: BadInput if there is neither a backup nor a home.
    """
    if folder is None or folder.resolve() == settings.home.resolve():
        place = _Place(settings.home, settings.anchor_file(), settings.erased_file(), still=False)
        if not (place.root / STORE).is_file():
            raise BadInput("home", f"{place.root} holds no {STORE}", "set LEADGRAPH_HOME to a home")
        return Inspection(place.root, list(_place(place)))
    manifest = manifests.read(folder)
    broken = list(manifests.problems(folder, manifest))
    files = [Finding("file", False, words) for words in broken]
    if not broken:
        files = [Finding("files", True, f"{len(manifest.files):,} files are as they were backed up")]
    if any(words.startswith(HOME + STORE) for words in broken):
        return Inspection(folder, files, manifest)
    place = _Place(folder / HOME, folder / ANCHOR, folder / ERASED, still=True)
    return Inspection(folder, [*files, *_place(place)], manifest)


def _place(place: _Place) -> Iterator[Finding]:
    for name, file in manifests.below(place.root).items():
        if is_database(file):
            yield _guarded(f"database {name}", lambda file=file: _sound(file, place))
    yield from _relations(place)
    yield _guarded("deletions", lambda: _deletions(place))
    yield _guarded("audit log", lambda: _audit(place))


def _guarded(name: str, look: Any) -> Finding:
    """A check that cannot be made has failed, and says why."""
    try:
        ok, detail = look()
    except (LeadgraphError, sqlite3.Error, OSError) as error:
        return Finding(name, False, str(error))
    return Finding(name, ok, detail)


def _sound(file: Path, place: _Place) -> tuple[bool, str]:
    with reading(file, still=place.still) as conn:
        said = [row[0] for row in conn.execute("PRAGMA integrity_check(5)")]
        said += [
            f"{row[0]} row {row[1]} points to nothing" for row in conn.execute("PRAGMA foreign_key_check")
        ]
    return said == ["ok"], "; ".join(said) if said != ["ok"] else "sound"


def _relations(place: _Place) -> Iterator[Finding]:
    """What must belong together: for each broken relation the first ids, else one line for all."""
    broken = 0
    for words, query in RELATIONS.items():
        found = _guarded(words, lambda query=query: _related(place, query))
        if not found.ok:
            broken += 1
            yield found
    if not broken:
        yield Finding(
            "rows", True, f"{len(RELATIONS)} relations between decisions, actions, leads and signals hold"
        )


def _related(place: _Place, query: str) -> tuple[bool, str]:
    with reading(place.root / STORE, still=place.still) as conn:
        names = [str(row[0]) for row in conn.execute(query)]
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return not names, ", ".join(names[:SHOWN]) + more


def _deletions(place: _Place) -> tuple[bool, str]:
    """Every privacy deletion on the list was taken in, and its lead is suppressed."""
    wanted = ErasureList(place.erased).signals()
    with reading(place.root / STORE, still=place.still) as conn:
        missing = [one.signal_id for one in wanted if not _applied(conn, one.tenant, one.signal_id)]
    if missing and not place.still:
        words = ", ".join(missing[:SHOWN])
        return False, f"{len(missing):,} on the list were not taken in: {words}; have them sent again"
    return True, f"{len(wanted) - len(missing):,} of {len(wanted):,} on the list are in the store"


def _applied(conn: sqlite3.Connection, tenant: str, ref: str) -> bool:
    query = "SELECT l.suppressed FROM signal s JOIN lead l USING (lead_id) WHERE s.tenant = ? AND s.ref = ?"
    return bool(conn.execute(query, (tenant, ref)).fetchone() == (1,))


def _audit(place: _Place) -> tuple[bool, str]:
    with reading(place.root / STORE, still=place.still) as conn:
        found = verify(
            _rows(conn),
            _roots(conn),
            anchor=place.anchor if place.anchor.is_file() else None,
            public_key=public_key(place.root / "keys" / PUBLIC),
            seals=lambda commitments: _seals(conn, commitments),
        )
    return found.ok, _said(found)


def _said(found: Verification) -> str:
    if not found.ok:
        first = found.problems[0]
        return f"{len(found.problems):,} problems; first {first.code} at {first.chain} row {first.seq}: {first.words}"
    missing = [
        f"rows {n + 1:,} to {last:,} of {c} are missing since a restore"
        for c, (n, last) in found.restored.items()
    ]
    vouched = "anchored" if found.anchored_to else "not anchored"
    return "; ".join([f"{found.rows:,} rows in {found.chains} chains are whole, {vouched}", *missing])


def _rows(conn: sqlite3.Connection) -> Iterator[Sequence[StoredRow]]:
    query = "SELECT tenant, writer, seq, prev, hash, body FROM audit ORDER BY tenant, writer, seq"
    cursor = conn.execute(query)
    while rows := cursor.fetchmany(_BATCH):
        yield [stored_row(row) for row in rows]


def _roots(conn: sqlite3.Connection) -> list[Root]:
    query = "SELECT tenant, writer, seq, hash, at, signature, key_id FROM root ORDER BY tenant, writer, seq"
    return [stored_root(row) for row in conn.execute(query)]


def _seals(conn: sqlite3.Connection, commitments: Sequence[str]) -> Mapping[str, Sealed]:
    query = "SELECT ciphertext, salt, commitment, key_id FROM sealed WHERE commitment = ?"
    rows = (conn.execute(query, (one,)).fetchone() for one in commitments)
    return {row[2]: Sealed(*row) for row in rows if row is not None}
