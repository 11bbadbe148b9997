"""What the store of a home is opened with: from its settings, its keys, and whether it came out of a backup."""

from domain.chain import LARGEST
from tools.backup.mark import read_mark
from tools.policy.reps import load_reps
from tools.privacy.keys import Keys
from tools.privacy.raw import RawSeal
from tools.privacy.vault import LeadVault
from tools.settings import Settings
from tools.store import Config
from tools.store.people import digest_of_names


def config_of(settings: Settings, keys: Keys, vault: LeadVault) -> Config:
    """The store's limits and seals. Until a restore is finished the door has no bound: all deletions must get in.

    Raises: ConfigError for a damaged list of salespeople, or a damaged mark of a restore.
    """
    raw, mark = RawSeal(keys.master), read_mark(settings.home)
    return Config(
        writer=settings.writer + (mark.restored.suffix if mark else ""),
        restored=mark.restored if mark else None,
        max_waiting=settings.max_waiting if mark is None or mark.finished else LARGEST,
        max_attempts=settings.max_attempts,
        desk="" if settings.desk_handoff == "off" or settings.desk == "off" else settings.desk,
        reps=load_reps(settings.config / "reps.csv"),
        seal_raw=raw.seal,
        open_raw=raw.open,
        ring=vault,
        seal_text=vault.seal,
        open_text=vault.open,
        person=digest_of_names(keys.secret),
    )
