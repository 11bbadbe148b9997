"""What the commands ask for. The composition root hands this on."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from domain.ports.home import Home
from tools.backup.inspect import Inspection, inspect
from tools.backup.manifest import Manifest
from tools.backup.restore import Restoration, Wishes, restore
from tools.backup.take import take_backup
from tools.settings import Settings


@dataclass(frozen=True, slots=True)
class Backups:
    """Backups of the home that `settings` name; `open_home` opens it."""

    settings: Settings
    open_home: Callable[[], AbstractContextManager[Home]]

    def take(self, folder: Path, *, with_keys: bool) -> Manifest:
        """See `take_backup`."""
        return take_backup(self.settings, folder, with_keys=with_keys)

    def verify(self, folder: Path | None) -> Inspection:
        """See `inspect`."""
        return inspect(self.settings, folder)

    def restore(
        self,
        folder: Path,
        *,
        replace: bool,
        keys: Path | None,
        targets_from_backup: bool,
        without_erasures: bool,
    ) -> Restoration:
        """See `restore`; the opening that follows finishes it."""
        wishes = Wishes(replace, keys, targets_from_backup, without_erasures)
        done = restore(self.settings, folder, wishes)
        with self.open_home():
            return done
