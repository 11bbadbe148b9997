"""Key files: made once, for their owner only, and never silently replaced."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from domain.errors import ConfigError
from tools.privacy.keys import (
    MASTER,
    PUBLIC,
    SECRET,
    SIGNING,
    fingerprint,
    open_keys,
    problems,
    public_key,
    signed_by,
)

PRIVATE = (MASTER, SECRET, SIGNING)


def mode(file: Path) -> int:
    """Permission bits."""
    return stat.S_IMODE(file.stat().st_mode)


def test_keys_are_made_for_their_owner_only_and_found_again(tmp_path: Path) -> None:
    """The folder too; a second start reads the same keys; no draft is left behind."""
    folder = tmp_path / "home" / "keys"
    keys = open_keys(folder, create=True)
    assert {name: mode(folder / name) for name in PRIVATE} == dict.fromkeys(PRIVATE, 0o600)
    assert mode(folder) == 0o700
    again = open_keys(folder, create=False)
    assert (again.master, again.secret, again.signer.public) == (keys.master, keys.secret, keys.signer.public)
    assert {file.name for file in folder.iterdir()} == {*PRIVATE, PUBLIC}
    assert problems(folder) == []


def test_two_homes_share_no_key(tmp_path: Path) -> None:
    """Everything is random."""
    one, two = (open_keys(tmp_path / name, create=True) for name in ("a", "b"))
    assert len({one.master, two.master, one.secret, two.secret}) == 4
    assert one.signer.fingerprint != two.signer.fingerprint


def test_two_processes_starting_at_once_agree(tmp_path: Path) -> None:
    """Whoever is second takes the first one's key."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: open_keys(tmp_path / "keys", create=True), range(8)))
    assert len({(keys.master, keys.secret, keys.signer.public) for keys in found}) == 1


@pytest.mark.parametrize("name", PRIVATE)
def test_a_lost_key_is_an_error_and_not_a_fresh_start(tmp_path: Path, name: str) -> None:
    """A new master key would lock away everything sealed so far, without a word."""
    open_keys(tmp_path, create=True)
    (tmp_path / name).unlink()
    with pytest.raises(ConfigError, match="is missing; restore it"):
        open_keys(tmp_path, create=False)
    assert not (tmp_path / name).exists()
    assert [name in words for words in problems(tmp_path)] == [True]


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, name: str, bits: int) -> None:
    """With the command that mends it."""
    open_keys(tmp_path, create=True)
    (tmp_path / name).chmod(bits)
    with pytest.raises(ConfigError, match="chmod 600"):
        open_keys(tmp_path, create=False)
    assert ["chmod 600" in words for words in problems(tmp_path)] == [True]


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    """Nothing of its content is quoted."""
    open_keys(tmp_path, create=True)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=name) as told:
        open_keys(tmp_path, create=False)
    assert "xxx" not in str(told.value)


def test_the_master_key_can_lie_elsewhere(tmp_path: Path) -> None:
    """By setting: then none is made in the home."""
    elsewhere = tmp_path / "vault" / "our.key"
    keys = open_keys(tmp_path / "keys", master=elsewhere, create=True)
    assert elsewhere.read_bytes() == keys.master
    assert not (tmp_path / "keys" / MASTER).exists()


def test_the_public_half_checks_what_the_private_half_signed(tmp_path: Path) -> None:
    """From its file, and only for that message."""
    signer = open_keys(tmp_path, create=True).signer
    public = public_key(tmp_path / PUBLIC)
    assert (public, fingerprint(public)) == (signer.public, signer.fingerprint)
    signature = signer.sign(b"root")
    assert signed_by(public, signature, b"root")
    assert not signed_by(public, signature, b"rooT")
    assert not signed_by(public, signature[:-1], b"root")
    assert not signed_by(public[:-1], signature, b"root")


def test_only_an_ed25519_key_will_do(tmp_path: Path) -> None:
    """Other kinds, private keys and plain text are refused with what to give instead."""
    other = generate_private_key(SECP256R1())
    public = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for number, content in enumerate((public, private, b"hello", b"")):
        file = tmp_path / f"{number}.pem"
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=PUBLIC):
            public_key(file)
    with pytest.raises(ConfigError, match=PUBLIC):
        public_key(tmp_path / "nowhere")
    open_keys(tmp_path / "keys", create=True)
    (tmp_path / "keys" / SIGNING).write_bytes(private)
    with pytest.raises(ConfigError, match="Ed25519"):
        open_keys(tmp_path / "keys", create=False)
