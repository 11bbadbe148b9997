"""A vendor's published OpenAPI file as a judge of requests."""

import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from tests.tools.vendor_server import Asked


class Published:
    """What the file allows. Bodies may hold no name that the file does not know."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._paths = [(_pattern(path), item) for path, item in document["paths"].items()]

    def wrong(self, asked: Asked) -> str:
        """What the file has against a request, empty if nothing."""
        method = asked.method.lower()
        items = [item for pattern, item in self._paths if pattern.fullmatch(asked.path) and method in item]
        if not items:
            return "no such operation"
        item, operation = items[0], items[0][method]
        listed = [
            self._resolved(one) for one in [*item.get("parameters", []), *operation.get("parameters", [])]
        ]
        allowed = {one["name"]: one for one in listed if one["in"] == "query"}
        if unknown := set(asked.query) - set(allowed):
            return f"no such parameter: {sorted(unknown)}"
        if missing := [
            name for name, one in allowed.items() if one.get("required") and name not in asked.query
        ]:
            return f"parameter missing: {missing}"
        return self._body(operation.get("requestBody"), asked.body)

    def _body(self, wanted: Any, body: Any) -> str:
        if wanted is None:
            return "" if body is None else "takes no body"
        if body is None:
            return "needs a body" if self._resolved(wanted).get("required") else ""
        schema = self._resolved(self._resolved(wanted)["content"]["application/json"]["schema"])
        whole = {**schema, "components": self._document["components"]}
        for error in Draft202012Validator(whole).iter_errors(body):
            return f"{error.json_path}: {error.message}"
        unknown = set(body) - set(schema.get("properties", body))
        return f"no such name: {sorted(unknown)}" if unknown else ""

    def _resolved(self, one: Any) -> Any:
        while "$ref" in one:
            place: Any = self._document
            for part in one["$ref"].removeprefix("#/").split("/"):
                place = place[part]
            one = place
        return one


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)))
