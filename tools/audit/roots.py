"""Signed roots: what the installation's key says about the last row of a chain at some time."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

import orjson

from domain.verification import Findings, Mark
from tools.privacy.keys import Signer, fingerprint, signed_by

FIELDS: Final = {
    "at": int,
    "hash": str,
    "key": str,
    "seq": int,
    "signature": str,
    "tenant": str,
    "writer": str,
}


@dataclass(frozen=True, slots=True)
class Root:
    """Row `seq` of chain (tenant, writer) had `hash` at the Instant `at`; `signature` in base64, by `key`."""

    tenant: str
    writer: str
    seq: int
    hash: str
    at: int
    signature: str
    key: str
    """Fingerprint of the public key."""

    @property
    def chain(self) -> str:
        """The chain as people see it."""
        return f"{self.tenant}/{self.writer}"


def message(*, tenant: str, writer: str, seq: int, row_hash: str, at: int) -> bytes:
    """The canonical bytes that are signed."""
    said = {"at": at, "hash": row_hash, "seq": seq, "tenant": tenant, "writer": writer}
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def sign(signer: Signer, *, tenant: str, writer: str, seq: int, row_hash: str, at: int) -> Root:
    """The root of a chain whose last row is (seq, row_hash)."""
    signature = signer.sign(message(tenant=tenant, writer=writer, seq=seq, row_hash=row_hash, at=at))
    return Root(tenant, writer, seq, row_hash, at, b64encode(signature).decode(), signer.fingerprint)


def line(root: Root) -> bytes:
    """A root as one line of canonical JSON, without the newline."""
    return orjson.dumps(asdict(root), option=orjson.OPT_SORT_KEYS)


def read(text: bytes) -> Root | None:
    """Inverse of `line`; None for anything that `line` would not have written, to the byte."""
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    root = from_fields(said)
    return root if root and line(root) == text else None


def from_fields(said: object) -> Root | None:
    """A root from its parsed fields; None if one is missing, too many, or of another type."""
    if not isinstance(said, dict) or {name: type(value) for name, value in said.items()} != FIELDS:
        return None
    return Root(**said)


class Signatures:
    """Checks signatures against one public key, each distinct root once: a check takes 0.1 ms."""

    def __init__(self, public: bytes | None, findings: Findings) -> None:
        """`public` are the 32 raw bytes; without them nothing can be checked and nothing is believed."""
        self._public = public
        self._name = fingerprint(public) if public else ""
        self._findings = findings
        self._sound: set[Root] = set()

    def believed(self, roots: Iterable[Root], by: str) -> Iterable[Root]:
        """The roots whose signature holds; the others become findings that name where they came `by`."""
        for root in roots:
            if root in self._sound:
                yield root
            elif self._public is None:
                self._findings.add(
                    f"{by}_unchecked", root.chain, root.seq, "no public key to check the signature"
                )
            elif root.key != self._name:
                self._findings.add(f"{by}_key", root.chain, root.seq, f"the {by} was signed with another key")
            elif not self._holds(root, self._public):
                self._findings.add(
                    f"{by}_signature", root.chain, root.seq, f"the {by}'s signature does not hold"
                )
            else:
                self._sound.add(root)
                yield root

    @staticmethod
    def _holds(root: Root, public: bytes) -> bool:
        try:
            signature = b64decode(root.signature, validate=True)
        except (binascii.Error, ValueError):
            return False
        said = message(tenant=root.tenant, writer=root.writer, seq=root.seq, row_hash=root.hash, at=root.at)
        return signed_by(public, signature, said)


def marks(signatures: Signatures, stored: Iterable[Root], anchored: Iterable[Root]) -> list[Mark]:
    """What believable roots vouch for."""
    found = [Mark(r.tenant, r.writer, r.seq, r.hash, "root") for r in signatures.believed(stored, "root")]
    found += [
        Mark(r.tenant, r.writer, r.seq, r.hash, "anchor") for r in signatures.believed(anchored, "anchor")
    ]
    return found
