"""Fixtures of the policy tests."""

from pathlib import Path

import pytest

from tests.tools.policy.editing import SHIPPED, PolicyFolder
from tools.policy.evaluator import TablePolicy
from tools.policy.load import load_policy


@pytest.fixture(scope="session")
def policy() -> TablePolicy:
    """The shipped policy."""
    return load_policy(SHIPPED)


@pytest.fixture
def folder(tmp_path: Path) -> PolicyFolder:
    """A copy of the shipped policy to spoil."""
    return PolicyFolder(tmp_path / "policies")
