"""What several tests of surfaces begin with."""

from pathlib import Path

import pytest

from tests.surfaces.desk_world import configuration


@pytest.fixture(scope="module")
def desk_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a home that follows a desk."""
    return configuration(tmp_path_factory.mktemp("desk") / "config")
