"""Named SQL: one readable file per dialect, loaded by name."""

import re
from functools import cache
from pathlib import Path
from typing import Final

from domain.errors import ConfigError

FOLDER: Final = Path(__file__).parent / "sql"
_NAME: Final = re.compile(r"^-- ([a-z_]+) --$", re.MULTILINE)


@cache
def load(dialect: str) -> dict[str, str]:
    """Every statement of ``sql/<dialect>.sql`` by its name, without its comments.

    Raises: ConfigError if a name is there twice.
    """
    parts = _NAME.split((FOLDER / f"{dialect}.sql").read_text(encoding="utf-8"))
    names, statements = parts[1::2], parts[2::2]
    if len(set(names)) < len(names):
        raise ConfigError(f"{dialect}.sql: two statements have one name")
    return {name: _bare(statement) for name, statement in zip(names, statements, strict=True)}


def _bare(statement: str) -> str:
    lines = (line for line in statement.splitlines() if not line.startswith("--"))
    return "\n".join(lines).strip().removesuffix(";")
