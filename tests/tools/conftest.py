"""What tests of vendors share."""

from pathlib import Path

import pytest

from tests.tools.openapi import FILES, published


@pytest.fixture(scope="session")
def judged(data_dir: Path) -> None:
    """Each request is held against the vendor's published file; where one is missing the test skips."""
    for vendor, (file, _) in FILES.items():
        if published(vendor) is None:
            pytest.skip(f"beside LEADGRAPH_DATA there is no specs/{file}")
