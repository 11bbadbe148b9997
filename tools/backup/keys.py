"""Which keys belong to a backup: known by marks, so that a restore with the wrong ones is refused before it begins."""

import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from domain.errors import ConfigError
from tools.privacy.keys import MASTER, PUBLIC, SECRET, SIGNING
from tools.settings import Settings

_MARK: Final = b"leadgraph backup v1"
_REMEDY: Final = "name the folder with the keys of this installation: --keys FOLDER"


def key_files(settings: Settings, folder: Path) -> dict[str, Path]:
    """The installation's secret keys, by name; the master key may lie elsewhere."""
    return {
        MASTER: settings.master_key or folder / MASTER,
        SECRET: folder / SECRET,
        SIGNING: folder / SIGNING,
    }


def marks(files: Mapping[str, Path]) -> dict[str, str]:
    """A mark of each key: HMAC-SHA-256 under the key itself, in hex. Raises: ConfigError naming a missing key."""
    found = {}
    for name, file in files.items():
        try:
            found[name] = hmac.digest(file.read_bytes(), _MARK, "sha256").hex()
        except OSError as error:
            raise ConfigError(f"{file}: the key cannot be read ({error.strerror}); {_REMEDY}") from error
    return found


def checked(files: Mapping[str, Path], wanted: Mapping[str, str]) -> None:
    """Compare keys with the marks of a backup. Raises: ConfigError naming the first that is another."""
    for name, mark in marks(files).items():
        if not hmac.compare_digest(mark, wanted.get(name, "")):
            raise ConfigError(f"{files[name]}: not the key that this backup was made with; {_REMEDY}")


def private(name: str) -> bool:
    """Whether a file of the home holds a secret key."""
    return name.startswith("keys/") and name != f"keys/{PUBLIC}"
