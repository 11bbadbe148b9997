"""Settings written into the file that people edit: one line each, everything else of it left as it is."""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import orjson

from domain.errors import ConfigError
from tools.settings import PREFIX

FILE: Final = "leadgraph.toml"
PRIVATE: Final = 0o600
"""Mode of a file that is made: people may put secrets there."""


def settings_file() -> Path:
    """``LEADGRAPH_FILE``, else `FILE` in the working folder."""
    return Path(os.environ.get(f"{PREFIX}FILE", FILE))  # noqa: TID251 - which file holds the settings


def keep(
    file: Path,
    settings: Mapping[str, str],
    *,
    without: Iterable[str] = (),
    tables: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Write `settings` at the top level of `file`, and those of `tables` in their tables; take out lines `without`.

    A line that sets one already is replaced; who may read the file stays as it is.
    Raises: ConfigError if the file cannot be written, or would not be TOML any more: then it is left alone.
    """
    try:
        text, mode = (file.read_text("utf-8"), file.stat().st_mode) if file.exists() else ("", PRIVATE)
        for name in without:
            head, rest = _top(text)
            text = _line(name).sub("", head, count=1) + rest
        for name, value in settings.items():
            text = _with(text, name, orjson.dumps(value).decode())
        for table, values in (tables or {}).items():
            text = _with_table(text, table, values)
        tomllib.loads(text)
        draft = file.with_name(f".{file.name}.tmp")
        draft.unlink(missing_ok=True)
        draft.touch(PRIVATE)
        draft.write_text(text, encoding="utf-8")
        draft.chmod(mode & 0o777)
        draft.replace(file)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: would not be TOML any more ({error}); write the lines yourself") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be written ({error})") from None


def _with(text: str, name: str, value: str) -> str:
    line = f"{name} = {value}\n"
    head, rest = _top(text)
    if _line(name).search(head):
        return _line(name).sub(lambda _: line, head, count=1) + rest
    head = f"{head.rstrip()}\n{line}" if head.strip() else line
    return head + ("\n" if rest else "") + rest


def _with_table(text: str, table: str, values: Mapping[str, str]) -> str:
    """With `values` in a table, be it written as one, in one line, or not there yet."""
    head, rest = _top(text)
    if _line(table).search(head):
        told = {**tomllib.loads(head).get(table, {}), **values}
        inline = ", ".join(f"{name} = {orjson.dumps(value).decode()}" for name, value in told.items())
        return _with(text, table, f"{{ {inline} }}")
    found = re.search(rf"^\[{re.escape(table)}\][^\n]*\n?", rest, re.MULTILINE)
    if found is None:
        lines = "".join(f"{name} = {orjson.dumps(value).decode()}\n" for name, value in values.items())
        return f"{text.rstrip()}\n\n[{table}]\n{lines}" if text.strip() else f"[{table}]\n{lines}"
    before, after = head + rest[: found.end()], rest[found.end() :]
    for name, value in values.items():
        after = _with(after, name, orjson.dumps(value).decode())
    return (before if before.endswith("\n") else f"{before}\n") + after


def _line(name: str) -> re.Pattern[str]:
    return re.compile(rf"^{re.escape(name)}[ \t]*=.*(\n|\Z)", re.MULTILINE)


def _top(text: str) -> tuple[str, str]:
    """What stands before the first table, and the rest."""
    found = re.search(r"^\[", text, re.MULTILINE)
    return (text, "") if found is None else (text[: found.start()], text[found.start() :])
