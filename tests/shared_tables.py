"""Tables of the same content are read once a test process: reading them is most of what opening a home costs."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import tools.policy.load as policy
import tools.reasoner.local as reasoner

Reader = Callable[..., Any]


def once(read: Reader, files: Callable[[Path], Iterable[Path]]) -> Reader:
    """`read`, whose first argument is a path, answering as before where `files` and the other arguments are those."""
    kept: dict[Any, tuple[Any, Any]] = {}

    @wraps(read)
    def reading(path: Path, *others: Any) -> Any:
        held = tuple((file.name, file.read_bytes()) for file in sorted(files(path)) if file.is_file())
        key = (held, *map(id, others))
        if key not in kept:
            kept[key] = (read(path, *others), others)  # held, so that no id is used again
        return kept[key][0]

    return reading


def _checked(check: Reader) -> Reader:
    """A sound folder of policy tables is checked once; one with mistakes anew each time, as they name their place."""
    sound: dict[Any, Any] = {}

    @wraps(check)
    def checking(folder: Path) -> Any:
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        key = tuple((file.name, file.read_bytes()) for file in files if file.is_file())
        if key not in sound:
            found = check(folder)
            if found.policy is None:
                return found
            sound[key] = found
        return replace(sound[key], folder=str(folder))

    return checking


READERS: dict[str, Callable[[Path], Iterable[Path]]] = {
    "load_taxonomy": lambda file: [file],
    "load_lexicon": lambda file: [file],
    "load_intent_model": lambda file: [file],
    "fact_reader": lambda folder: folder.glob("*.toml"),
}
"""What the local reasoner reads, and of which files."""


def install() -> None:
    """From now on, in this process."""
    for name, files in READERS.items():
        setattr(reasoner, name, once(getattr(reasoner, name), files))
    policy._check = _checked(policy._check)
