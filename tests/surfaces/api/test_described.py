"""The description of the API: complete, with examples that are true, and kept."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from domain.ports.home import Home
from surfaces.api.app import build_app
from surfaces.api.described import operations
from surfaces.api.examples import EXAMPLES
from surfaces.api.problems import MEDIA
from tests.surfaces.talk_world import Ears, open_talks
from tools.receivers import SettingsReceivers


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADGRAPH_MEMORY", "off")
        with open_talks(tmp_path_factory.mktemp("described")) as home:
            yield home


@pytest.fixture(scope="module")
def document(home: Home) -> dict[str, Any]:
    return build_app(home, Ears(), receivers=SettingsReceivers(home.settings)).openapi()


def test_every_operation_says_what_it_does_what_it_gives_and_how_it_fails(document: dict[str, Any]) -> None:
    seen = []
    for path, method, operation in operations(document):
        place, answers = f"{method} {path}", operation["responses"]
        seen.append(operation["operationId"])
        assert operation["summary"], place
        assert operation["description"], place
        (good,) = [answer for status, answer in answers.items() if status < "3"]
        if "webhooks" not in path and "slack" not in path:
            assert all("example" in content for content in good["content"].values()), place
        if operation.get("security"):
            assert answers.keys() >= {"401", "403", "422", "429", "500", "503"}, place
        if "requestBody" in operation:
            (sent,) = operation["requestBody"]["content"].values()
            assert sent["schema"], place
            assert sent.get("examples") or sent.get("example"), place
        for status, answer in answers.items():
            assert status < "4" or list(answer["content"]) == [MEDIA], (place, status)
    assert len(set(seen)) == len(seen) > 10
    assert EXAMPLES.keys() <= set(seen)
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_the_examples_keep_to_their_schemas(document: dict[str, Any]) -> None:
    shown = 0
    for _, _, operation in operations(document):
        good = next(answer for status, answer in operation["responses"].items() if status < "3")
        parts = [
            *good.get("content", {}).values(),
            *operation.get("requestBody", {}).get("content", {}).values(),
        ]
        for part in parts:
            values = [one["value"] for one in part.get("examples", {}).values()]
            values += [part["example"]] if "example" in part else []
            for value in values:
                schema = {**part["schema"], "components": document["components"]}
                jsonschema.validate(value, schema)
                shown += 1
    assert shown > 10
