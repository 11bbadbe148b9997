"""Credentials that a person gave once, and tokens that come of them: sealed in the home, each under its name.

AES-256-GCM under a key of the file's own, which is sealed by one derived from the master key (that may lie outside the
home). Each value is bound to its name, so that one cannot be put in another's place. Those that are named after a
setting are read as settings.
"""

import base64
import fcntl
import os
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from domain.errors import ConfigError, Temporary
from tools.clock import SystemClock
from tools.journal import sync, write_whole

FILE: Final = "credentials"
"""Its name in the home."""
FORMAT: Final = 2
"""Of the file; 1 was a table of values, sealed by the derived key itself."""
TURN_S: Final = 10.0
"""How long somebody waits for a turn."""
_LOOK_S: Final = 0.02
_PURPOSE: Final = b"leadgraph credentials\x00"
_KEY: Final = "\x00key"
"""What the file's own key is bound to; no setting has such a name."""
_NONCE: Final = 12
_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class _Kept:
    """One value, sealed. `at` is the Instant since which it is kept, 0 where that is not known."""

    sealed: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class _File:
    """What the file holds. `key` is its own key, sealed; empty: values are under the derived one."""

    key: str = ""
    kept: Mapping[str, _Kept] = field(default_factory=dict)


class Credentials:
    """Of one home. Several processes may use it at a time."""

    def __init__(
        self, home: Path, *, master: Path | None = None, now: Callable[[], int] | None = None
    ) -> None:
        """`master` is the file of the master key, where it lies outside the home. Nothing is read or made yet."""
        self._home, self._master, self._now = home, master, now or SystemClock().now
        self._file = home / FILE

    def there(self) -> bool:
        """Whether anything is kept."""
        return self._file.is_file()

    def ages(self) -> Mapping[str, int]:
        """What is kept by name, with the Instant since when; 0: longer than is known. Raises: ConfigError."""
        return {name: kept.at for name, kept in sorted(self._read().kept.items())}

    def get(self, name: str) -> str | None:
        """The value under a name, None if none is kept. Raises: ConfigError (wrong master key, damaged file)."""
        file = self._read()
        kept = file.kept.get(name)
        return None if kept is None else self._opened(self._key_of(file), name, kept.sealed)

    def all(self, among: Container[str] | None = None) -> Mapping[str, str]:
        """Every name, or those `among`, with its value; no other one is opened. Raises: as `get`."""
        file = self._read()
        wanted = {name: kept for name, kept in file.kept.items() if among is None or name in among}
        if not wanted:
            return {}
        key = self._key_of(file)
        return {name: self._opened(key, name, kept.sealed) for name, kept in wanted.items()}

    def put(self, name: str, value: str) -> None:
        """Keep `value` in place of what was kept; on disk when this returns. A home without keys gets them.

        Raises: ConfigError if the home cannot be written.
        """
        with self._alone():
            file = self._read()
            if not file.kept:
                file = _File(self._fresh_key(create=True))
            kept = _Kept(_sealed(self._key_of(file), name, value.encode()), self._now())
            self._write(_File(file.key, {**file.kept, name: kept}))

    def forget(self, name: str) -> bool:
        """Keep it no more; False if it was not kept."""
        if not self.there():
            return False
        with self._alone():
            file = self._read()
            kept = {one: value for one, value in file.kept.items() if one != name}
            if len(kept) == len(file.kept):
                return False
            self._write(_File(file.key, kept))
        return True

    def rotate(self) -> int:
        """Seal every value under a new key, all of them or none; how many there are. Raises: ConfigError."""
        if not self.there():
            return 0
        with self._alone():
            file = self._read()
            old, wrapped = self._key_of(file), self._fresh_key()
            fresh = self._key_of(_File(wrapped))
            kept = {
                name: _Kept(_sealed(fresh, name, self._opened(old, name, one.sealed).encode()), one.at)
                for name, one in file.kept.items()
            }
            self._write(_File(wrapped, kept))
        return len(kept)

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """The turn to renew what `name` stands for: one of all processes and threads has it, and a dead one loses it.

        Raises: Temporary if somebody else keeps it too long; ConfigError if the home cannot be written.
        """
        handle = self._handle(f"lock-{name}")
        try:
            until = time.monotonic() + TURN_S
            while not _locked(handle):
                if time.monotonic() > until:
                    raise Temporary(f"another process renews {name} for too long")
                time.sleep(_LOOK_S)
            yield
        finally:
            os.close(handle)

    def _opened(self, key: bytes, name: str, sealed: str) -> str:
        found = _unsealed(key, name, sealed)
        if found is None:
            raise ConfigError(
                f"{self._file}: {name} cannot be opened: it was changed, or the master key is another one; "
                f"run leadgraph credentials forget {name}, then leadgraph connect"
            )
        return found.decode()

    def _key_of(self, file: _File) -> bytes:
        derived = self._derived()
        if not file.key:
            return derived
        key = _unsealed(derived, _KEY, file.key)
        if key is None:
            raise ConfigError(
                f"{self._file}: cannot be opened: it was changed, or the master key is another one; "
                "restore it from a backup, or delete it and run leadgraph connect"
            )
        return key

    def _fresh_key(self, *, create: bool = False) -> str:
        return _sealed(self._derived(create=create), _KEY, os.urandom(_LENGTH))

    def _derived(self, *, create: bool = False) -> bytes:
        from tools.privacy.keys import open_keys

        folder = self._home / "keys"
        fresh = create and not folder.exists() and not (self._home / "leadgraph.db").exists()
        return sha256(_PURPOSE + open_keys(folder, master=self._master, create=fresh).master).digest()

    def _read(self) -> _File:
        if not self.there():
            return _File()
        try:
            return _file(orjson.loads(self._file.read_bytes()))
        except (OSError, orjson.JSONDecodeError) as error:
            raise ConfigError(f"{self._file}: cannot be read ({error}); restore it from a backup") from None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ConfigError(f"{self._file}: is damaged; restore it from a backup") from None

    def _write(self, file: _File) -> None:
        kept = {name: {"sealed": one.sealed, "at": one.at} for name, one in file.kept.items()}
        document = {"format": FORMAT, "key": file.key, "kept": kept}
        try:
            draft = self._home / f".{FILE}.tmp"
            draft.touch(0o600)
            write_whole(draft, orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2))
            draft.replace(self._file)
            sync(self._home)
        except OSError as error:
            raise ConfigError(f"{self._file}: cannot be written ({error.strerror})") from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time changes the file."""
        handle = self._handle(f"{FILE}.lock")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _handle(self, name: str) -> int:
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._home / name, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"{self._home}: cannot be written ({error.strerror})") from None


def _file(document: Any) -> _File:
    """Raises: AttributeError, KeyError, TypeError or ValueError if it is none of ours."""
    if "format" not in document:
        return _File("", {name: _Kept(str(sealed)) for name, sealed in document.items()})
    if document["format"] != FORMAT:
        raise ValueError("made by a newer version")
    kept = {name: _Kept(str(one["sealed"]), int(one["at"])) for name, one in document["kept"].items()}
    return _File(str(document["key"]), kept)


def _sealed(key: bytes, name: str, value: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, value, name.encode())).decode()


def _unsealed(key: bytes, name: str, sealed: str) -> bytes | None:
    """None if it does not open."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = base64.b64decode(sealed, validate=True)
        return AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], name.encode())
    except (InvalidTag, ValueError):
        return None


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
