"""A model package as a folder: manifest, files and side files, named by the hash of the manifest."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from domain.errors import BadInput, ConfigError
from domain.model import Package, Trees
from tools.journal import write_whole
from tools.models.manifest import canonical, read_manifest, version_of

MANIFEST: Final = "manifest.json"
TREES: Final = "trees.txt"
CARD: Final = "card.md"
REFERENCE: Final = "reference.json"
"""What drift is measured against."""
FILES: Final = (TREES, CARD, REFERENCE)
LARGEST: Final = 200_000_000
"""Bytes of one file that are read."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A package that was read back whole."""

    version: str
    package: Package
    files: Mapping[str, bytes]


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """sha256 of each file by name."""
    return {name: sha256(content).hexdigest() for name, content in sorted(files.items())}


def keep(place: Path, package: Package, files: Mapping[str, bytes]) -> str:
    """Write a package to ``place/<version>``, all of it or nothing; its version. Keeping it again changes nothing.

    Raises: BadInput for a file that no package has, or one that is not the one its manifest names.
    """
    strange = sorted(files.keys() - {*FILES})
    if strange:
        raise BadInput("files", f"{strange[0]} is no file of a package", f"files are {', '.join(FILES)}")
    _check_trees(package, files, BadInput("files", "are not those of the manifest", "train the package anew"))
    version = version_of(package)
    if (place / version).is_dir():
        return version
    draft = place / f".{version}.tmp"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, content in {MANIFEST: canonical(package), **files}.items():
        write_whole(draft / name, content)
    draft.rename(place / version)
    return version


def read_package(folder: Path, version: str) -> Stored:
    """The package in `folder`, which must be the one named `version`.

    Raises: ConfigError if it is missing, damaged, or was changed after it was made.
    """
    try:
        package = read_manifest(_read(folder / MANIFEST))
        files = {name: _read(folder / name) for name in FILES if (folder / name).is_file()}
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be read ({error.strerror}); restore it from a backup") from None
    changed = ConfigError(f"{folder}: was changed after it was made; restore it from a backup")
    if version_of(package) != version:
        raise changed
    _check_trees(package, files, changed)
    return Stored(version, package, files)


def _check_trees(package: Package, files: Mapping[str, bytes], wrong: Exception) -> None:
    model = package.model
    if isinstance(model, Trees) and sha256(files.get(TREES, b"")).hexdigest() != model.sha256:
        raise wrong


def _read(file: Path) -> bytes:
    if file.stat().st_size > LARGEST:
        raise ConfigError(f"{file}: is larger than {LARGEST:,} bytes")
    return file.read_bytes()
