"""Published samples of vendors, in a folder ``specs`` beside the data sets."""

from pathlib import Path

import pytest


def sample(data_dir: Path, vendor: str, name: str) -> bytes:
    """The sample; where it is missing the test skips and says so."""
    file = data_dir.parent / "specs" / vendor / "samples" / name
    if not file.is_file():
        pytest.skip(f"beside LEADGRAPH_DATA there is no specs/{vendor}/samples/{name}")
    return file.read_bytes()
