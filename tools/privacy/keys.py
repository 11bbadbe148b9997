"""The installation's keys, in files that only their owner can read: master key, secret, signing key."""

import os
import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from domain.errors import ConfigError
from tools.journal import sync

MASTER, SECRET, SIGNING, PUBLIC = "master.key", "install.secret", "signing.key", "signing.pub"
LENGTH = 32
"""Bytes of the master key and of the install secret."""


@dataclass(frozen=True, slots=True)
class Signer:
    """The Ed25519 key that signs chain heads. `fingerprint` names it in roots and anchors."""

    key: Ed25519PrivateKey
    public: bytes
    """32 raw bytes."""
    fingerprint: str

    def sign(self, message: bytes) -> bytes:
        """64 bytes; the same message always gets the same signature."""
        return self.key.sign(message)


@dataclass(frozen=True, slots=True)
class Keys:
    """Everything secret of an installation."""

    master: bytes
    secret: bytes
    signer: Signer


def open_keys(folder: Path, *, master: Path | None = None, create: bool) -> Keys:
    """Read the keys in `folder`; the master key lies in the file `master` if that is given.

    With `create`, what is missing is made. Pass it only for a new home: a new master key cannot open what an
    older one sealed, so a lost key must be an error and not a fresh start.
    Raises: ConfigError naming the file and the remedy.
    """
    if create:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Keys(
        master=_secret(master or folder / MASTER, create=create),
        secret=_secret(folder / SECRET, create=create),
        signer=_signer(folder, create=create),
    )


def problems(folder: Path, *, master: Path | None = None) -> list[str]:
    """What is wrong with the key files, a sentence each with its remedy. For the doctor; reads no secret."""
    found = []
    for file in (master or folder / MASTER, folder / SECRET, folder / SIGNING):
        if not file.is_file():
            found.append(f"{file} is missing; restore it from your backup of keys")
        elif _loose(file):
            found.append(f"{file} can be read by others; run: chmod 600 {file}")
    return found


def fingerprint(public: bytes) -> str:
    """The first 32 hex digits of SHA-256 over the raw public key."""
    return sha256(public).hexdigest()[:32]


def signed_by(public: bytes, signature: bytes, message: bytes) -> bool:
    """True if `signature` over `message` was made with the private half of `public` (32 raw bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key(file: Path) -> bytes:
    """The raw public key in a PEM file, such as the ``signing.pub`` beside the signing key.

    Raises: ConfigError if the file is not there or holds something else.
    """
    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: no public key in PEM form; give the installation's {PUBLIC}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{file}: not an Ed25519 key; give the installation's {PUBLIC}")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _secret(file: Path, *, create: bool) -> bytes:
    if create and not file.exists():
        _write(file, os.urandom(LENGTH))
    content = _read(file)
    if len(content) != LENGTH:
        raise ConfigError(
            f"{file}: holds {len(content)} bytes, not {LENGTH}; restore it from your backup of keys"
        )
    return content


def _signer(folder: Path, *, create: bool) -> Signer:
    file = folder / SIGNING
    if create and not file.exists():
        fresh = Ed25519PrivateKey.generate()
        _write(file, fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        key = load_pem_private_key(_read(file), password=None)
    except ValueError as error:
        raise ConfigError(
            f"{file}: no private key in PEM form; restore it from your backup of keys"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{file}: not an Ed25519 key; restore it from your backup of keys")
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    shown = folder / PUBLIC
    if create and not shown.exists():
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        shown.write_bytes(pem)
    return Signer(key, public, fingerprint(public))


def _loose(file: Path) -> bool:
    return bool(stat.S_IMODE(file.stat().st_mode) & 0o077)


def _read(file: Path) -> bytes:
    try:
        if _loose(file):
            raise ConfigError(f"{file}: can be read by others; run: chmod 600 {file}")
        return file.read_bytes()
    except OSError as error:
        why = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise ConfigError(f"{file}: {why}; restore it from your backup of keys") from error


def _write(file: Path, content: bytes) -> None:
    """Create `file` with mode 0600, complete on disk or not at all; never over an existing one.

    Linking a finished draft into place lets two processes start at once: the second finds the first one's
    key.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, content)
        os.fsync(handle)
        os.link(draft, file)
    except FileExistsError:
        return
    finally:
        os.close(handle)
        draft.unlink()
    sync(file.parent)
