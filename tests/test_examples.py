"""Every example in a docstring is run."""

import doctest
import importlib

import pytest

from tests.test_layout import SOURCES

WITH_EXAMPLES = [
    path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for path, text in SOURCES.items()
    if ">>> " in text and not path.startswith("tests/")
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_of_docstrings_hold(module: str) -> None:
    """What a docstring shows is what happens."""
    result = doctest.testmod(importlib.import_module(module))
    assert result.failed == 0
    assert result.attempted > 0
