"""Fingerprints of code, so that a decision can say by which code it was made."""

from hashlib import sha256
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parent.parent
DECIDING = ("domain", "agents", "graph", "tools/reasoner", "tools/models", "tools/policy")
"""Folders whose code can change what is decided."""


def code_version() -> str:
    """First 12 hex digits of SHA-256 over the deciding code, by path."""
    return folder_version(*(ROOT / folder for folder in DECIDING))


def graph_version() -> str:
    """The same for the state machine alone."""
    return folder_version(ROOT / "graph")


class Versioned(Protocol):
    """Something that people edit, or train."""

    @property
    def version(self) -> str:
        """A hash of its content."""
        ...


def versions_of(**parts: Versioned) -> dict[str, str]:
    """The versions of `parts` by name, with those of the code itself."""
    edited = {name: part.version for name, part in parts.items()}
    return {**edited, "code": code_version(), "graph": graph_version()}


def folder_version(*folders: Path, pattern: str = "*.py") -> str:
    """First 12 hex digits of SHA-256 over names and contents of the files in `folders`, in path order."""
    digest = sha256()
    for folder in folders:
        for file in sorted(folder.rglob(pattern)):
            digest.update(str(file.relative_to(ROOT)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
