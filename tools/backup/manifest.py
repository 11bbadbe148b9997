"""What a backup says of itself, and the ways to write a folder that is complete or not there."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath
from typing import Any, Final

import orjson

from domain.errors import BadInput
from domain.instants import Instant, iso
from tools.journal import sync

FORMAT: Final = 1
NAME: Final = "manifest.json"
_DAMAGED: Final = "take another backup, or copy this one again"


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of a backup: its sha256 in hex and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup. `taken_at` is an Instant of the home's clock; nothing in the backup is younger."""

    format: int
    taken_at: int
    next_key: int
    """The number of the next key of a lead: what has a smaller one was there."""
    tenant: str
    schema: str
    """Version of the tables."""
    code: str
    files: Mapping[str, Stored]
    heads: tuple[tuple[str, str, int, str], ...]
    """Of each audit chain: tenant, writer, last row, its hash."""
    newest: Mapping[str, int]
    """Source -> Instant at which its newest signal was received."""
    erasures: int
    """Privacy deletions on the list when the backup was taken."""
    keys: Mapping[str, str]
    """Name of each key -> a mark by which the right one is known; it says nothing of the key."""
    with_keys: bool

    def document(self) -> dict[str, Any]:
        """The JSON form, with times as people write them."""
        newest = {source: iso(Instant(at)) for source, at in sorted(self.newest.items())}
        return {**asdict(self), "taken": iso(Instant(self.taken_at)), "newest": newest}


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest: the last file of a backup."""
    said = orjson.dumps(asdict(manifest), option=orjson.OPT_SORT_KEYS)
    whole = {"manifest": orjson.Fragment(said), "sha256": sha256(said).hexdigest()}
    (folder / NAME).write_bytes(orjson.dumps(whole) + b"\n")


def read(folder: Path) -> Manifest:
    """The manifest of the backup in `folder`. Raises: BadInput if there is none, or it is damaged or unknown."""
    try:
        said = orjson.loads((folder / NAME).read_bytes())
        body, checksum = said["manifest"], said["sha256"]
    except OSError:
        raise BadInput("backup", f"{folder} has no {NAME}", "name the folder of a finished backup") from None
    except (ValueError, KeyError, TypeError):
        raise BadInput("backup", f"{folder / NAME} is damaged", _DAMAGED) from None
    if sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest() != checksum:
        raise BadInput("backup", f"{folder / NAME} was changed", _DAMAGED)
    if body.get("format") != FORMAT:
        problem = f"{folder} has format {body.get('format')}, known is {FORMAT}"
        raise BadInput("backup", problem, "use the version of the software that took it")
    files = {name: Stored(**one) for name, one in body["files"].items()}
    heads = tuple((t, w, s, h) for t, w, s, h in body["heads"])
    return Manifest(**{**body, "files": files, "heads": heads})


def problems(folder: Path, manifest: Manifest) -> Iterator[str]:
    """What of the files is not as the manifest says, a sentence each."""
    for name, stored in sorted(manifest.files.items()):
        pure = PurePosixPath(name)
        file = folder / name
        if pure.is_absolute() or ".." in pure.parts or file.is_symlink():
            yield f"{name} points out of the backup"
        elif not file.is_file():
            yield f"{name} is missing"
        elif described(file) != stored:
            yield f"{name} is not what was backed up"


def described(file: Path) -> Stored:
    """Checksum and size of a file."""
    with file.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
    return Stored(digest, file.stat().st_size)


def below(folder: Path) -> dict[str, Path]:
    """All regular files in `folder`, by their path in it."""
    found = (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.is_symlink())
    return {file.relative_to(folder).as_posix(): file for file in found}


def sync_tree(folder: Path) -> None:
    """Return when everything in `folder` is on disk."""
    for place in (*folder.rglob("*"), folder):
        sync(place)
