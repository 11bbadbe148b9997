"""The file by which a home knows that it came out of a backup."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from domain.errors import ConfigError
from domain.restored import Restored
from tools.journal import sync, write_whole

NAME: Final = "restored.json"


@dataclass(frozen=True, slots=True)
class Mark:
    """The last restore of a home. Until it is `finished`, the next process to open the home finishes it."""

    taken_at: int
    until: int
    next_key: int
    backup: str
    """SHA-256 of the backed-up store, in hex."""
    finished: bool
    newest: Mapping[str, int]
    """Source -> Instant from which on it must send its signals again."""

    @property
    def restored(self) -> Restored:
        """What the store needs to know of it."""
        return Restored(self.taken_at, self.until, self.next_key)


def read_mark(root: Path) -> Mark | None:
    """The mark of the home at `root`, None if it never came out of a backup. Raises: ConfigError if it is damaged."""
    file = root / NAME
    if not file.is_file():
        return None
    try:
        return Mark(**orjson.loads(file.read_bytes()))
    except (ValueError, TypeError, OSError) as error:
        raise ConfigError(
            f"{file}: is damaged; restore the home again, or what was done after the backup may be done twice"
        ) from error


def write_mark(root: Path, mark: Mark) -> None:
    """Write the mark, whole or not at all."""
    draft = root / f".{NAME}.tmp"
    write_whole(draft, orjson.dumps(asdict(mark)) + b"\n")
    draft.replace(root / NAME)
    sync(root)
