"""A vendor's published OpenAPI file as a judge of every request, and of what our fake of the vendor answers.

openapi-core judges. In a request it lets no name pass that the file does not know. Two things it does not look at
are looked at here: parameters that the file does not know, and a body where an operation takes none.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import orjson
import yaml
from jsonschema.exceptions import best_match
from openapi_core import Config, OpenAPI
from openapi_core.templating.paths.exceptions import PathError
from openapi_core.templating.paths.finders import APICallPathFinder
from openapi_core.testing import MockRequest, MockResponse
from openapi_core.validation.schemas import oas30_write_schema_validators_factory as of_30
from openapi_core.validation.schemas import oas31_schema_validators_factory as of_31

from tests.conftest import DATA
from tests.tools.stated import STATED, from_slack, stated

FILES: Final = {
    "chatwoot": ("chatwoot/application_swagger.json", "https://app.chatwoot.com"),
    "intercom": ("intercom/api.intercom.io-2.15.yaml", "https://api.intercom.io"),
    "slack": ("slack/slack_web_openapi_v2_without_examples.json", "https://slack.com"),
}
"""The file of a vendor, in the folder ``specs`` beside the data sets, and the server it speaks of."""
_ANY: Final = "https://vendor.example"
_SHOWN: Final = "conversations/{conversation_id}"
_MARK: Final = re.compile(rb"[0-9a-f]{16}")
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")


class Sent(NamedTuple):
    """A request as it goes over the wire. `target` is path and query, `headers` are sorted, names in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Repair(NamedTuple):
    """What a file says wrongly, and how it is put right in memory."""

    vendor: str
    reason: str
    mend: Callable[[Any], None]


def _assigned(document: Any) -> None:
    operation = document["paths"][f"/api/v1/accounts/{{account_id}}/{_SHOWN}/assignments"]["post"]
    answer = operation["responses"]["200"]["content"]["application/json"]
    answer["schema"] = {"anyOf": [answer["schema"], {"type": "null"}]}


def _snoozed(document: Any) -> None:
    document["components"]["schemas"]["conversation"]["properties"]["status"]["enum"].append("snoozed")


def _wrapped(document: Any) -> None:
    operation = document["paths"]["/api/v1/accounts/{account_id}/webhooks"]["get"]
    answer = operation["responses"]["200"]["content"]["application/json"]
    inner = {"type": "object", "required": ["webhooks"], "properties": {"webhooks": answer["schema"]}}
    answer["schema"] = {"type": "object", "required": ["payload"], "properties": {"payload": inner}}


def _nullable(node: Any) -> None:
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _nullable(one)
    if isinstance(node, dict) and node.get("nullable") is True and "$ref" in node:
        node["anyOf"] = [{"$ref": node.pop("$ref")}, {"type": "object", "nullable": True, "maxProperties": 0}]


REPAIRS: Final = (
    Repair("chatwoot", "who is taken off a conversation is answered with null, not with a user", _assigned),
    Repair("chatwoot", "toggle_status takes `snoozed`, so a conversation is shown so", _snoozed),
    Repair("chatwoot", "webhooks are listed inside `payload`, not as a bare list", _wrapped),
    Repair("intercom", "`nullable` beside `$ref` says nothing in OpenAPI 3.0, and null is meant", _nullable),
)


class Published:
    """What a file allows. A free object (one of which the file names no properties) may hold anything."""

    def __init__(self, document: dict[str, Any], server: str, *, answers: bool = True) -> None:
        """`answers`: whether the document says what they are."""
        _open(document)
        # Nobody checks the file itself again: that takes longer than all the requests of the tests.
        factory = _Kept(of_30 if document["openapi"].startswith("3.0") else of_31)
        choices: dict[str, Any] = {
            "spec_validator_cls": None, "server_base_url": server, "schema_validators_factory": factory,
        }  # fmt: skip
        strict = Config(**choices, additional_properties_default_policy="forbid")
        self._asks, self._answers = (OpenAPI.from_dict(document, one) for one in (strict, Config(**choices)))
        self._judges_answers = answers
        self._server, self._finder = server, APICallPathFinder(self._asks.spec, base_url=server)
        self._known: dict[object, str] = {}

    @classmethod
    def read(cls, vendor: str, repairs: Iterable[Repair]) -> "Published":
        """The file of a vendor, put right."""
        text = _file(vendor).read_text("utf-8")
        found = orjson.loads(text) if text.startswith("{") else yaml.load(text, Loader=yaml.CSafeLoader)
        if vendor == "slack":
            found = from_slack(found)
        for repair in repairs:
            if repair.vendor == vendor:
                repair.mend(found)
        return cls(found, FILES[vendor][1], answers=vendor != "slack")

    def wrong(self, sent: Sent) -> str:
        """What the file has against a request, empty if nothing."""
        alike = sent.method, _alike(sent.target.encode()), sent.headers, _alike(sent.body)
        return self._once(alike, lambda: self._wrong(sent))

    def wrong_answer(self, sent: Sent, status: int, body: Any) -> str:
        """What the file has against an answer, empty if nothing."""
        if not self._judges_answers:
            return ""
        answer = MockResponse(orjson.dumps(_lean(body)), status)
        return self._once(
            (status, sent.method, _alike(sent.target.encode()), _alike(answer.data)),
            lambda: _told(self._answers.iter_response_errors(self._request(sent), answer)),
        )

    def _once(self, key: object, judge: Callable[[], str]) -> str:
        if key not in self._known:
            self._known[key] = judge()
        return self._known[key]

    def _wrong(self, sent: Sent) -> str:
        request = self._request(sent)
        try:
            found = self._finder.find(request.method, f"{self._server}{request.path}")
        except PathError as error:
            return str(error)
        listed = [*found.operation.get("parameters", []), *found.path.get("parameters", [])]
        names = {(one / "name").read_str() for one in listed if (one / "in").read_str() == "query"}
        if unknown := sorted(set(request.args or ()) - names):
            return f"no such parameter: {unknown}"
        if sent.body and "requestBody" not in found.operation:
            return "takes no body"
        return _told(self._asks.iter_request_errors(request))

    def _request(self, sent: Sent) -> MockRequest:
        parts, headers = urlsplit(sent.target), dict(sent.headers)
        return MockRequest(
            self._server, sent.method, parts.path, args=parse_qs(parts.query, keep_blank_values=True),
            headers=headers, data=sent.body, content_type=headers.get("content-type", ""),
        )  # fmt: skip


class _Kept:
    """A factory of openapi-core that makes the validator of a schema once: to make one takes longest."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._made: dict[object, tuple[Any, Any]] = {}

    def create(self, spec: Any, schema: Any, **choices: Any) -> Any:
        with schema.resolve() as resolved:
            contents = resolved.contents
        key = (id(contents), *sorted((name, bool(value)) for name, value in choices.items()))
        if key not in self._made:
            # The contents are kept too, so that no other schema ever has their id.
            self._made[key] = contents, self._inner.create(spec, schema, **choices)
        return self._made[key][1]


def _open(node: Any) -> None:
    if isinstance(node, list):
        for one in node:
            _open(one)
    if not isinstance(node, dict):
        return
    if node.get("type") == "object" and not {"properties", "oneOf", "anyOf", "allOf"} & node.keys():
        node.setdefault("additionalProperties", True)
    for one in node.values():
        _open(one)


def _told(errors: Iterator[Any]) -> str:
    return "; ".join(map(_said, errors))


def _said(error: Any) -> str:
    """The innermost words of openapi-core: which place, and what is wrong with it."""
    while error.__cause__ is not None:
        error = error.__cause__
    deepest = best_match(getattr(error, "schema_errors", ()))
    return f"{deepest.json_path}: {deepest.message}" if deepest else f"{type(error).__name__}: {error}"


def _alike(text: bytes) -> bytes:
    """Texts that differ in digits and marks alone are alike to every file."""
    return _MARK.sub(b"0" * 16, text).translate(_DIGITS)


def _lean(value: Any) -> Any:
    """The same, with one of each kind where a list holds many that are alike."""
    if isinstance(value, Mapping):
        return {name: _lean(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        each = [_lean(one) for one in value]
        return list({_alike(orjson.dumps(one)): one for one in each}.values())
    return value


@cache
def published(vendor: str) -> Published | None:
    """The file of a vendor, with its repairs, or else what it states; None where the file is not there."""
    if vendor in STATED:
        return Published(stated(vendor, _ANY), _ANY, answers=False)
    there = bool(DATA) and _file(vendor).exists()
    return Published.read(vendor, REPAIRS) if there else None


def _file(vendor: str) -> Path:
    return Path(DATA).parent / "specs" / FILES[vendor][0]
