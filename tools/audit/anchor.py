"""The anchor: a file outside the home that only grows, one signed root a line.

Put it where whoever may change the database cannot write: another account, a mounted append-only share.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from domain.errors import ConfigError, Temporary
from domain.verification import Findings
from tools.audit.roots import Root, line, read

TORN = b"#torn"
"""Ends a line whose writing was cut short by a crash: it holds nothing, and its root is in a later line."""


def append(file: Path, roots: Sequence[Root]) -> None:
    """Add `roots` in one write and return when they are on disk.

    Raises: Temporary if the file cannot be written.
    """
    if not roots:
        return
    text = b"".join(line(root) + b"\n" for root in roots)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                text = TORN + b"\n" + text
            if os.write(handle, text) != len(text):
                raise Temporary(f"{file}: the anchor took only a part of the roots; sign them again")
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise Temporary(
            f"{file}: the anchor cannot be written ({error.strerror}); nothing was signed"
        ) from error


def roots_in(file: Path, findings: Findings) -> list[Root]:
    """All roots of an anchor; a line that holds none is a finding.

    Raises: ConfigError if the file cannot be read.
    """
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise ConfigError(
            f"{file}: the anchor cannot be read ({error.strerror}); give the right --anchor"
        ) from error
    found = []
    for number, text in enumerate(lines, start=1):
        if not text or text.endswith(TORN):
            continue
        root = read(text)
        if root is None:
            findings.add("anchor_damaged", "", number, f"line {number} of the anchor is no root")
        else:
            found.append(root)
    return found
