"""Credentials that a person gave once: sealed in the home under the master key, and read as settings from then on.

AES-256-GCM under a key derived from the master key (which may lie outside the home); each value is bound to the name
of its setting, so that one cannot be put in another's place.
"""

import base64
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson

from domain.errors import ConfigError
from tools.journal import sync, write_whole

FILE: Final = "credentials"
"""Its name in the home."""
_PURPOSE: Final = b"leadgraph credentials\x00"
_NONCE: Final = 12


class Credentials:
    """Of one home. Several processes may use it at a time."""

    def __init__(self, home: Path, *, master: Path | None = None) -> None:
        """`master` is the file of the master key, where it lies outside the home. Nothing is read or made yet."""
        self._home, self._master = home, master
        self._file = home / FILE

    def there(self) -> bool:
        """Whether anything is kept."""
        return self._file.is_file()

    def names(self) -> tuple[str, ...]:
        """The settings that are kept. Raises: ConfigError if the file is damaged."""
        return tuple(sorted(self._read()))

    def get(self, name: str) -> str | None:
        """The value of a setting, None if none is kept. Raises: ConfigError (wrong master key, damaged file)."""
        kept = self._read().get(name)
        return None if kept is None else self._opened(name, kept)

    def all(self) -> Mapping[str, str]:
        """Every setting with its value. Raises: as `get`."""
        return {name: self._opened(name, kept) for name, kept in self._read().items()}

    def put(self, name: str, value: str) -> None:
        """Keep `value` in place of what was kept; on disk when this returns. A home without keys gets them.

        Raises: ConfigError if the home cannot be written.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE)
        sealed = nonce + AESGCM(self._key(create=True)).encrypt(nonce, value.encode(), name.encode())
        with self._alone():
            self._write({**self._read(), name: base64.b64encode(sealed).decode()})

    def forget(self, name: str) -> bool:
        """Keep it no more; False if it was not kept."""
        if not self.there():
            return False
        with self._alone():
            kept = self._read()
            if kept.pop(name, None) is None:
                return False
            self._write(kept)
        return True

    def _opened(self, name: str, kept: str) -> str:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            sealed = base64.b64decode(kept, validate=True)
            return AESGCM(self._key()).decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode()).decode()
        except (InvalidTag, ValueError):
            raise ConfigError(
                f"{self._file}: {name} cannot be opened: it was changed, or the master key is another one; "
                "give it again with leadgraph connect"
            ) from None

    def _key(self, *, create: bool = False) -> bytes:
        from tools.privacy.keys import open_keys

        folder = self._home / "keys"
        fresh = create and not folder.exists() and not (self._home / "leadgraph.db").exists()
        return sha256(_PURPOSE + open_keys(folder, master=self._master, create=fresh).master).digest()

    def _read(self) -> dict[str, str]:
        if not self.there():
            return {}
        try:
            found = orjson.loads(self._file.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise ConfigError(f"{self._file}: cannot be read ({error}); restore it from a backup") from None
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise ConfigError(f"{self._file}: is damaged; restore it from a backup")
        return found

    def _write(self, kept: Mapping[str, str]) -> None:
        try:
            draft = self._home / f".{FILE}.tmp"
            draft.touch(0o600)
            write_whole(draft, orjson.dumps(dict(kept), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2))
            draft.replace(self._file)
            sync(self._home)
        except OSError as error:
            raise ConfigError(f"{self._file}: cannot be written ({error.strerror})") from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time changes the file."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._home / f"{FILE}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
