"""Readers of files, one file per source. They know nothing of each other."""

import importlib
from typing import Final

from domain.errors import BadInput
from domain.ports.sources import Source

NAMES: Final = ("signals", "bpic2012", "leadforge")


def source(name: str) -> Source:
    """The reader called `name`; its module is imported only now.

    Raises: BadInput listing the names there are.
    """
    if name not in NAMES:
        raise BadInput("source", "is not known", f"use one of {', '.join(NAMES)}", code="unknown_source")
    reader: Source = importlib.import_module(f"tools.sources.{name}").SOURCE
    return reader
