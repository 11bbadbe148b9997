"""The attributes that a home has declared: one JSON file in it, replaced as a whole."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from domain.attributes import Attribute, declared_with
from domain.errors import ConfigError, Temporary

FILE: Final = "attributes.json"
_ALL: Final = TypeAdapter(tuple[Attribute, ...])


def load_attributes(home: Path) -> tuple[Attribute, ...]:
    """What the home at `home` has declared; none if it has no such file.

    Raises: ConfigError naming the file and the place.
    """
    file = home / FILE
    try:
        return declared_with((), _ALL.validate_json(file.read_bytes()))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); check the rights") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{file}: {place or 'the document'}: {first['msg']}; put the file back, or import again"
        ) from None
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from None


def save_attributes(home: Path, attributes: Sequence[Attribute]) -> None:
    """Put `attributes` in the place of those declared: on disk when this returns, the old or the new, never half.

    Raises: Temporary if the disk does not take it.
    """
    file, made = home / FILE, home / f"{FILE}.tmp"
    body = json.dumps([one.model_dump() for one in attributes], indent=1, ensure_ascii=False)
    try:
        with made.open("wb") as out:
            out.write(body.encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
        made.replace(file)
    except OSError as error:
        raise Temporary(f"{file} cannot be written ({error.strerror}); nothing was changed") from None
