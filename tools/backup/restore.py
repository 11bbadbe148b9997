"""Putting a backup back: everything is checked and made ready beside the home, then takes its place.

What the outside world has seen stays as it is: the CRM's file and the export file of a home that is replaced are
newer than the backup's, and what they hold must not be done again.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from domain.errors import BadInput, ConfigError, Temporary
from domain.instants import Instant, iso, moment
from tools.backup import keys
from tools.backup.copying import copy, reading
from tools.backup.manifest import Manifest, below, problems, read, sync_tree
from tools.backup.mark import Mark, write_mark
from tools.backup.take import CRM, HOME, STORE, outside
from tools.clock import SystemClock
from tools.home import Hold, held
from tools.journal import sync
from tools.privacy.erased import ErasureList
from tools.privacy.keys import MASTER
from tools.settings import Settings
from tools.store.migrate import HEAD

_DAMAGED: Final = "take another backup, or copy this one again; nothing was changed"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to restore."""

    replace: bool = False
    """Put the home that is there aside, under a name with the time."""
    keys: Path | None = None
    """Folder of the installation's keys, for a backup without them."""
    targets_from_backup: bool = False
    """Take the CRM's file out of the backup although the replaced home has a newer one."""
    without_erasures: bool = False
    """Go on although the list of privacy deletions is lost."""


@dataclass(frozen=True, slots=True)
class Restoration:
    """What was restored. `replay_from`: source -> Instant from which on it must send its signals again."""

    home: Path
    aside: Path | None
    taken_at: int
    replay_from: Mapping[str, int]
    crm: str
    """Where the CRM's file came from: ``backup``, ``replaced home`` or ``none``."""

    def document(self) -> dict[str, Any]:
        """The JSON form, with times as people write them."""
        return {
            "home": str(self.home),
            "aside": str(self.aside) if self.aside else None,
            "taken": iso(Instant(self.taken_at)),
            "replay_from": {source: iso(Instant(at)) for source, at in sorted(self.replay_from.items())},
            "crm": self.crm,
        }


def restore(settings: Settings, source: Path, wishes: Wishes) -> Restoration:
    """Put the backup in the folder `source` in the place of the home. The next opening of the home finishes it.

    Raises: BadInput, ConfigError for a backup that does not fit, wrong keys, a lost list of deletions or a place
    that is not empty; Temporary if another process uses the home, or the disk is full. Nothing was changed then.
    """
    manifest = read(source)
    _fits(settings, source, manifest)
    root = settings.home
    there = root.exists() and (not root.is_dir() or any(root.iterdir()))
    if there and not wishes.replace:
        raise BadInput("home", f"{root} is not empty", "restore into another place, or give --replace")
    secrets = _secrets(settings, source, manifest, wishes)
    _erasures(settings, manifest, wishes)
    if not there:
        return _restored(settings, source, manifest, wishes, secrets=secrets, old=None)
    with held(root, Hold.ALONE, writer=settings.writer):
        return _restored(settings, source, manifest, wishes, secrets=secrets, old=root)


def _fits(settings: Settings, source: Path, manifest: Manifest) -> None:
    broken = next(problems(source, manifest), None)
    if broken is not None:
        raise BadInput("backup", f"{source}: {broken}", _DAMAGED)
    if manifest.schema > HEAD:
        problem = f"was made by a newer version (tables {manifest.schema}, known {HEAD})"
        raise BadInput("backup", f"{source} {problem}", "use that version; nothing was changed")
    if manifest.tenant != settings.tenant:
        problem = f"{source} belongs to tenant {manifest.tenant}, the setting says {settings.tenant}"
        raise BadInput("backup", problem, "set LEADGRAPH_TENANT; nothing was changed")


def _secrets(settings: Settings, source: Path, manifest: Manifest, wishes: Wishes) -> Mapping[str, Path]:
    """The keys that the restored home will have, checked. Raises: ConfigError."""
    folder = wishes.keys or (source / HOME / "keys" if manifest.with_keys else settings.home / "keys")
    files = keys.key_files(settings, folder)
    if manifest.with_keys and wishes.keys is None:
        files = {name: folder / name for name in files}
    keys.checked(files, manifest.keys)
    return {name: file for name, file in files.items() if name != MASTER or settings.master_key is None}


def _erasures(settings: Settings, manifest: Manifest, wishes: Wishes) -> None:
    erased = ErasureList(settings.erased_file())
    lost = not erased.file.exists() or len(erased.signals()) < manifest.erasures
    if lost and not wishes.without_erasures:
        raise ConfigError(
            f"{erased.file}: the list of privacy deletions is not there or shorter than at the backup, so leads erased "
            "since would come back; bring the list back, or give --without-erasures and have all deletions since "
            f"{iso(Instant(manifest.taken_at))} sent again; nothing was changed"
        )


def _restored(
    settings: Settings,
    source: Path,
    manifest: Manifest,
    wishes: Wishes,
    *,
    secrets: Mapping[str, Path],
    old: Path | None,
) -> Restoration:
    root, now = settings.home, SystemClock().now()
    draft = root.with_name(f".{root.name.lstrip('.')}.restoring")
    crm = _crm(source, manifest, wishes, old)
    mark = Mark(
        manifest.taken_at,
        max(now, manifest.taken_at),
        manifest.next_key,
        manifest.files[HOME + STORE].sha256,
        finished=False,
        newest=manifest.newest,
    )
    aside = None
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        _fill(source, draft, secrets, crm)
        write_mark(draft, mark)
        sync_tree(draft)
        _outside(settings, source, manifest)
        if old is not None:
            aside = root.with_name(f"{root.name}.before-{moment(now):%Y%m%dT%H%M%SZ}")
            root.rename(aside)
        elif root.exists():
            root.rmdir()
        draft.rename(root)
        sync(root.resolve().parent)
    except OSError as error:
        raise Temporary(
            f"{root}: cannot be restored ({error.strerror}); make room, then do it again"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    place = "none" if crm is None else "backup" if crm.is_relative_to(source) else "replaced home"
    return Restoration(root, aside, manifest.taken_at, manifest.newest, place)


def _crm(source: Path, manifest: Manifest, wishes: Wishes, old: Path | None) -> Path | None:
    """The CRM's file to go on with. Raises: Permanent if that of the replaced home is damaged."""
    here = old / CRM if old is not None else None
    if here is not None and here.is_file() and not wishes.targets_from_backup:
        with reading(here) as conn:
            answer = conn.execute("PRAGMA quick_check(1)").fetchone()
        if answer != ("ok",):
            raise ConfigError(
                f"{here}: is damaged ({answer[0]}); take the backup's with --targets-from-backup; nothing was changed"
            )
        return here
    return source / HOME / CRM if HOME + CRM in manifest.files else None


def _fill(source: Path, draft: Path, secrets: Mapping[str, Path], crm: Path | None) -> None:
    for name, file in below(source / HOME).items():
        if name != CRM and not keys.private(name):
            copy(file, draft / name)
    for name, file in secrets.items():
        copy(file, draft / "keys" / name)
    if crm is not None:
        copy(crm, draft / CRM)


def _outside(settings: Settings, source: Path, manifest: Manifest) -> None:
    """Put back what lies outside the home, where it is lost altogether."""
    for name, place in outside(settings).items():
        if name in manifest.files and not place.exists():
            copy(source / name, place)
