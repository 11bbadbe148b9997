"""The disk under a home."""

from collections.abc import Iterator

import pytest

from tests.tools.store.power import Disk, NoShim, recorded


@pytest.fixture
def disk() -> Iterator[Disk]:
    """The recorded disk."""
    try:
        with recorded() as disk:
            yield disk
    except NoShim as reason:
        pytest.skip(str(reason))
