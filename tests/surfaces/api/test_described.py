"""The description of the API: complete, with examples that are true, and kept."""

from collections.abc import Iterator
from typing import Any, cast

import jsonschema
import pytest

from domain.instants import Instant
from domain.ports.home import Home
from domain.ports.receivers import Delivery
from surfaces.api.app import build_app
from surfaces.api.described import operations
from surfaces.api.examples import EXAMPLES
from surfaces.api.problems import MEDIA
from surfaces.asking import Asking
from tests.surfaces.talk_world import Ears, open_talks
from tools.receivers import SettingsReceivers
from tools.settings import find_settings


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADGRAPH_MEMORY", "off")
        with open_talks(tmp_path_factory.mktemp("described")) as home:
            yield home


@pytest.fixture(scope="module")
def document(home: Home) -> dict[str, Any]:
    asking = Asking(home, cast(Any, None))
    return build_app(home, Ears(), receivers=SettingsReceivers(home.settings), asking=asking).openapi()


def contents(part: dict[str, Any]) -> list[dict[str, Any]]:
    """What a body or an answer may hold, by its types; none of it may lack a form."""
    found: list[dict[str, Any]] = list(part["content"].values())
    assert all(one["schema"] for one in found)
    return found


def shown(content: dict[str, Any]) -> list[Any]:
    """The examples of it."""
    values = [one["value"] for one in content.get("examples", {}).values()]
    return values + ([content["example"]] if "example" in content else [])


def test_every_operation_says_what_it_does_what_it_takes_and_gives_and_how_it_fails(
    document: dict[str, Any],
) -> None:
    seen = []
    for path, method, operation in operations(document):
        place, answers = f"{method} {path}", operation["responses"]
        seen.append(operation["operationId"])
        assert operation["summary"], place
        assert operation["description"], place
        assert ("requestBody" in operation) is (method == "post"), place
        parts = [*answers.values(), *([operation["requestBody"]] if method == "post" else [])]
        assert all(shown(content) for part in parts for content in contents(part)), place
        for parameter in operation.get("parameters", ()):
            known = {"enum", "default"} & parameter["schema"].keys() or parameter["schema"].get("$ref")
            assert known or parameter.get("example") or parameter["name"] == "after", (
                place,
                parameter["name"],
            )
        if operation.get("security"):
            assert answers.keys() >= {"401", "403", "422", "429", "500", "503"}, place
        for status, answer in answers.items():
            assert status < "4" or list(answer["content"]) == [MEDIA], (place, status)
    assert len(set(seen)) == len(seen) > 10
    assert EXAMPLES.keys() <= set(seen)
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_the_examples_keep_to_their_schemas(document: dict[str, Any]) -> None:
    told = 0
    for _, _, operation in operations(document):
        parts = [*operation["responses"].values(), operation.get("requestBody", {"content": {}})]
        for content in (content for part in parts for content in contents(part)):
            for value in shown(content):
                schema = {**content["schema"], "components": document["components"]}
                jsonschema.validate(value, schema)
                told += 1
    assert told > 100


def test_every_problem_shows_one_of_its_own_status_and_says_when_to_come_back(
    document: dict[str, Any],
) -> None:
    headers = document["components"]["headers"]
    for path, method, operation in operations(document):
        for status, answer in operation["responses"].items():
            place = f"{method} {path} {status}"
            assert "X-Request-Id" in answer["headers"], place
            assert {one["$ref"] for one in answer["headers"].values()} <= {
                f"#/components/headers/{name}" for name in headers
            }
            if status >= "4":
                problem = answer["content"][MEDIA]["example"]
                assert problem["status"] == int(status), place
                assert problem["type"].startswith("urn:leadgraph:"), place
            assert ("Retry-After" in answer["headers"]) is (status in {"429", "503"}), place


def test_a_vendor_is_told_of_both_its_answers(document: dict[str, Any]) -> None:
    """Also of the one in XML; the example of a message is one that its receiver reads."""
    post = document["paths"]["/v1/webhooks/{source}"]["post"]
    assert set(post["responses"]["200"]["content"]) == {"text/xml"}
    assert set(post["responses"]["202"]["content"]) == {"application/json"}
    message = post["requestBody"]["content"]["text/xml"]["example"]
    settings = find_settings({}, webhook_salesforce_secrets=["0123456789abcdef"]).settings
    receiver = SettingsReceivers(settings).get("salesforce")
    assert receiver is not None
    headers = {"content-type": "text/xml", "authorization": "Bearer 0123456789abcdef"}
    assert len(receiver.read(Delivery(headers, message.encode()), now=Instant(0)).items) == 1
