"""Settings written into the file that people edit: one line each, everything else of it left as it is."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson

from domain.errors import ConfigError
from tools.settings import PREFIX

FILE: Final = "leadgraph.toml"


def settings_file() -> Path:
    """``LEADGRAPH_FILE``, else `FILE` in the working folder."""
    return Path(os.environ.get(f"{PREFIX}FILE", FILE))  # noqa: TID251 - which file holds the settings


def keep(file: Path, settings: Mapping[str, str]) -> None:
    """Write `settings` at the top level of `file`; a line that sets one already is replaced.

    Raises: ConfigError if the file cannot be written, or would not be TOML any more: then it is left alone.
    """
    try:
        text = file.read_text("utf-8") if file.exists() else ""
        for name, value in settings.items():
            text = _with(text, name, orjson.dumps(value).decode())
        tomllib.loads(text)
        draft = file.with_name(f".{file.name}.tmp")
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: would not be TOML any more ({error}); write the lines yourself") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be written ({error})") from None


def _with(text: str, name: str, value: str) -> str:
    line = f"{name} = {value}"
    head, table, rest = _top(text)
    pattern = re.compile(rf"^{re.escape(name)}[ \t]*=.*$", re.MULTILINE)
    if pattern.search(head):
        head = pattern.sub(lambda _: line, head, count=1)
    else:
        head = f"{head.rstrip()}\n{line}\n" if head.strip() else f"{line}\n"
        head += "\n" if table else ""
    return head + table + rest


def _top(text: str) -> tuple[str, str, str]:
    """What stands before the first table, its mark, and what comes after."""
    found = re.search(r"^\[", text, re.MULTILINE)
    return (text, "", "") if found is None else (text[: found.start()], "[", text[found.start() + 1 :])
