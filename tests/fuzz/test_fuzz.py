"""A short run of what ``python -m tests.fuzz`` does at length."""

from collections.abc import Iterator

import pytest

from domain.ports.home import Home
from tests.fuzz.running import fuzzed
from tests.surfaces.talk_world import open_talks


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with open_talks(tmp_path_factory.mktemp("fuzz")) as home:
        yield home


@pytest.mark.parametrize(
    ("role", "phases"), [("admin", ("examples", "fuzzing")), ("viewer", ("examples", "fuzzing"))]
)
def test_whatever_is_sent_is_answered_as_the_description_says(
    home: Home, role: str, phases: tuple[str, ...]
) -> None:
    found = fuzzed(home, examples=1, role=role, phases=phases)
    assert found.failed == []
    assert found.held["not_a_server_error"] > 20
    assert found.held["response_schema_conformance"] > 20
    refused = {name for name in found.statuses if name.endswith(" 403")}
    assert bool(refused) is (role == "viewer")
    assert any(name.startswith("POST /v1/webhooks/") and name.endswith(" 202") for name in found.statuses)


MANY = (
    "POST /v1/handoff",
    "POST /v1/approvals/{approval}",
    "GET /v1/leads",
    "GET /v1/events",
    "GET /v1/approvals",
    "GET /v1/leads/{lead}/timeline",
)
"""Operations with so many cases at their edges that they are left to the command."""


def test_at_the_edges_of_what_is_described_each_answer_is_as_described(home: Home) -> None:
    found = fuzzed(home, examples=1, phases=("coverage",), but=MANY)
    assert found.failed == []
    assert found.requests > 100
    for path in ("/v1/webhooks/{source}", "/v1/slack/interactions", "/v1/signals"):
        assert any(name.startswith(f"POST {path} 2") for name in found.statuses), path
        assert any(name.startswith(f"POST {path} 4") for name in found.statuses), path
