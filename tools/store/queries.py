"""Named SQL: readable files per dialect, loaded by name."""

import re
from functools import cache
from pathlib import Path
from typing import Final

from domain.errors import ConfigError

FOLDER: Final = Path(__file__).parent / "sql"
_NAME: Final = re.compile(r"^-- ([a-z_]+) --$", re.MULTILINE)


@cache
def load(dialect: str) -> dict[str, str]:
    """Every statement of ``sql/<dialect>.sql`` and ``sql/<dialect>_*.sql`` by its name, without its comments.

    Raises: ConfigError if a name is there twice.
    """
    found: dict[str, str] = {}
    for file in (FOLDER / f"{dialect}.sql", *sorted(FOLDER.glob(f"{dialect}_*.sql"))):
        parts = _NAME.split(file.read_text(encoding="utf-8"))
        for name, statement in zip(parts[1::2], parts[2::2], strict=True):
            if name in found:
                raise ConfigError(f"{file.name}: two statements have the name {name}")
            found[name] = _bare(statement)
    return found


def _bare(statement: str) -> str:
    lines = (line for line in statement.splitlines() if not line.startswith("--"))
    return "\n".join(lines).strip().removesuffix(";")
