"""Taking a backup while workers run. The order matters: our store first, then the targets.

A target is then as old as our store, or newer: it may hold an effect that the store does not know, which is found when
it is asked for by its key. The other way round the store would call done what the target has never seen.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from domain.errors import BadInput, Temporary
from tools.backup import keys
from tools.backup.copying import copy, reading
from tools.backup.manifest import FORMAT, NAME, Manifest, below, described, sync_tree, write
from tools.clock import SystemClock, stored_time
from tools.fingerprint import code_version
from tools.journal import sync
from tools.privacy.erased import ErasureList
from tools.settings import Settings

STORE: Final = "leadgraph.db"
CRM: Final = "crm.db"
EXPORT: Final = "outside/export.csv"
ANCHOR: Final = "outside/anchor.jsonl"
ERASED: Final = "outside/erased.jsonl"
HOME: Final = "home/"
_LOCKS: Final = ("lock", "opening", "writers/")
_MADE_ANEW: Final = "memory/"
_PASSING: Final = (".tmp", "-wal", "-shm", "-journal")
_YOUNGEST: Final = """
    SELECT max(coalesce((SELECT max(first_seen) FROM lead), 0), coalesce((SELECT max(at) FROM outbox), 0))
"""
_HEADS: Final = """
    SELECT tenant, writer, seq, hash FROM audit a
     WHERE seq = (SELECT max(seq) FROM audit b WHERE b.tenant = a.tenant AND b.writer = a.writer)
"""
_NEWEST: Final = "SELECT source, max(received) FROM signal GROUP BY source"
_NEXT_KEY: Final = "SELECT coalesce(max(key_id), 0) + 1 FROM lead_key"
_SCHEMA: Final = "SELECT version_num FROM alembic_version"
Point = Callable[[str], None]


def _unheard(_: str) -> None:
    return None


def take_backup(
    settings: Settings, folder: Path, *, with_keys: bool = False, on_point: Point = _unheard
) -> Manifest:
    """Write a backup of the home to the new `folder`, which appears under its name only when it is complete.

    Without `with_keys` it holds no secret key: what is sealed in it opens only with the keys of the installation.
    `on_point` hears the name of each file before it is copied.
    Raises: BadInput if `folder` is there or there is no home; Temporary (disk full); Permanent (a damaged database).
    """
    root = settings.home
    if not (root / STORE).is_file():
        raise BadInput("home", f"{root} holds no {STORE}", "set LEADGRAPH_HOME to a home")
    if folder.exists():
        raise BadInput("folder", f"{folder} is there already", "name a folder that does not exist yet")
    if folder.resolve().is_relative_to(root.resolve()):
        raise BadInput(
            "folder", f"{folder} lies inside the home", "name a place outside, best on another disk"
        )
    draft = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        manifest = _fill(settings, draft, with_keys=with_keys, on_point=on_point)
        sync_tree(draft)
        on_point(NAME)
        draft.rename(folder)
        sync(folder.parent)
    except OSError as error:
        words = f"{folder}: the backup cannot be written ({error.strerror}); make room, or name another place"
        raise Temporary(f"{words}; nothing was left behind") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def _fill(settings: Settings, draft: Path, *, with_keys: bool, on_point: Point) -> Manifest:
    files = _files(settings, with_keys=with_keys)
    for name, source in files.items():
        on_point(name)
        copy(source, draft / name)
    manifest = _manifest(settings, draft, with_keys=with_keys)
    write(draft, manifest)
    return manifest


def _files(settings: Settings, *, with_keys: bool) -> dict[str, Path]:
    """Name in the backup -> file, in the order in which they are copied."""
    root = settings.home
    inside = {
        name: file
        for name, file in below(root).items()
        if not keys.private(name)
        and not name.startswith((*_LOCKS, _MADE_ANEW))
        and not name.endswith(_PASSING)
        and name not in (STORE, CRM)
    }
    secret = {f"keys/{name}": file for name, file in keys.key_files(settings, root / "keys").items()}
    ordered = {STORE: root / STORE, **inside, **(secret if with_keys else {}), CRM: root / CRM}
    found = {f"{HOME}{name}": file for name, file in ordered.items()} | outside(settings)
    return {name: file for name, file in found.items() if file.is_file()}


def outside(settings: Settings) -> dict[str, Path]:
    """Name in the backup -> file, of what belongs to the home and lies outside it."""
    found = {ANCHOR: settings.anchor_file(), ERASED: settings.erased_file()}
    return found if settings.export_file is None else {**found, EXPORT: settings.export_file}


def _manifest(settings: Settings, draft: Path, *, with_keys: bool) -> Manifest:
    clock = stored_time(settings.home / "clock") or SystemClock().now()
    with reading(draft / HOME / STORE, still=True) as conn:
        heads, newest = conn.execute(_HEADS).fetchall(), conn.execute(_NEWEST).fetchall()
        (next_key,) = conn.execute(_NEXT_KEY).fetchone()
        (youngest,), (schema,) = conn.execute(_YOUNGEST).fetchone(), conn.execute(_SCHEMA).fetchone()
    return Manifest(
        format=FORMAT,
        taken_at=max(int(clock), youngest),
        next_key=next_key,
        tenant=settings.tenant,
        schema=schema,
        code=code_version(),
        files={name: described(file) for name, file in below(draft).items()},
        heads=tuple(sorted((t, w, s, h) for t, w, s, h in heads)),
        newest=dict(newest),
        erasures=len(ErasureList(draft / ERASED).signals()),
        keys=keys.marks(keys.key_files(settings, settings.home / "keys")),
        with_keys=with_keys,
    )
