"""The published form of the contract: JSON Schemas made from the tables, and when a newer one breaks senders.

Null and an absent field are the same. Fields that are not listed are permitted and dropped: objects are open.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.contract import KEY_KINDS, MAX_KEYS
from domain.kinds import SPECS, FieldSpec, Kind
from domain.payload import LARGEST
from domain.signal import SCHEMA_VERSION, Consent
from domain.upcast import KEYS_1, TYPES_1, OldType

Schema = Mapping[str, Any]
VERSIONS: Final = (1, SCHEMA_VERSION)
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_ID: Final[Schema] = {"type": ["string", "integer"], "minLength": 1, "maxLength": 200}
_MAYBE_ID: Final[Schema] = {"type": ["string", "integer", "null"], "minLength": 1, "maxLength": 200}
_SOURCE: Final[Schema] = {"type": "string", "pattern": "^[a-z][a-z0-9_.-]{0,39}$"}
_TIME: Final[Schema] = {
    "type": ["string", "integer"],
    "format": "date-time",
    "description": "RFC 3339 text with a zone, or whole milliseconds since 1970.",
}


def published(version: int) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of external form `version`, made from today's tables.

    Raises: KeyError if there is no such version.
    """
    return {1: _version_1, 2: _version_2}[version]()


def lifted(version: int) -> dict[str, Any]:
    """What items of `version` look like once lifted to the next version, as a schema in its words."""
    return {1: _version_1_lifted}[version]()


def _version_2() -> dict[str, Any]:
    return {
        "$schema": DIALECT,
        "$id": "urn:leadgraph:signal:2",
        "title": "Leadgraph signal, version 2",
        "type": "object",
        "required": ["id", "source", "kind", "keys", "occurred_at"],
        "properties": {
            "schema_version": {"enum": [2, None]},
            "id": _ID,
            "source": _SOURCE,
            "kind": {"enum": [kind.value for kind in Kind]},
            "keys": {"anyOf": [_KEY_LIST, _KEY_OBJECT]},
            "account": _MAYBE_ID,
            "occurred_at": _TIME,
            "payload": {"type": ["object", "null"]},
            "consent": {"enum": [*(consent.value for consent in Consent), None]},
            "region": {"type": ["string", "null"]},
            "delivery_id": _MAYBE_ID,
        },
        "allOf": [_rule("kind", kind.value, "payload", spec.fields) for kind, spec in SPECS.items()],
    }


_KEY_LIST: Final[Schema] = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_KEYS,
    "items": {
        "type": "object",
        "required": ["kind", "value"],
        "properties": {"kind": {"enum": list(KEY_KINDS)}, "value": _ID},
    },
}
_KEY_OBJECT: Final[Schema] = {
    "type": "object",
    "minProperties": 1,
    "properties": dict.fromkeys(KEY_KINDS, _MAYBE_ID),
    "additionalProperties": False,
}


def _version_1() -> dict[str, Any]:
    types = {name: {data: m.spec for data, m in old.fields.items()} for name, old in TYPES_1.items()}
    return {
        "$schema": DIALECT,
        "$id": "urn:leadgraph:signal:1",
        "title": "Leadgraph signal, version 1 (still taken, lifted to version 2)",
        "type": "object",
        "required": ["schema_version", "id", "source", "type", "timestamp"],
        "anyOf": [{"required": [name]} for name in KEYS_1],
        "properties": {
            "schema_version": {"const": 1},
            "id": _ID,
            "source": _SOURCE,
            "type": {"enum": list(TYPES_1)},
            "timestamp": {**_TIME, "description": "RFC 3339 text with a zone, or whole seconds since 1970."},
            **dict.fromkeys(KEYS_1, _MAYBE_ID),
            "company": _MAYBE_ID,
            "consent": {"type": ["boolean", "null"]},
            "data": {"type": ["object", "null"]},
        },
        "allOf": [_rule("type", name, "data", fields) for name, fields in types.items()],
    }


def _version_1_lifted() -> dict[str, Any]:
    by_kind: dict[str, list[OldType]] = {}
    for old in TYPES_1.values():
        by_kind.setdefault(old.kind.value, []).append(old)
    return {
        "type": "object",
        "required": ["schema_version", "id", "source", "kind", "keys", "occurred_at"],
        "properties": {
            "schema_version": {"const": 2},
            "id": _ID,
            "source": _SOURCE,
            "kind": {"enum": list(by_kind)},
            "keys": {"anyOf": [{**_KEY_LIST, "maxItems": len(KEYS_1)}]},
            "account": _MAYBE_ID,
            "occurred_at": _TIME,
            "consent": {"enum": ["granted", "denied", None]},
            "payload": {"type": "object"},
        },
        "allOf": [_lifted_rule(kind, olds) for kind, olds in by_kind.items()],
    }


def _lifted_rule(kind: str, olds: list[OldType]) -> dict[str, Any]:
    """The payload of one kind, of however many old types: a field is required if all of them give it."""
    fields: dict[str, Any] = {}
    always = [{m.to for m in old.fields.values() if m.spec.required} | set(old.implied) for old in olds]
    for old in olds:
        fields |= {moved.to: field_schema(moved.spec) for moved in old.fields.values()}
        for name, value in old.implied.items():
            fields[name] = {"enum": sorted({value, *fields.get(name, {}).get("enum", ())})}
    body = {"type": "object", "properties": fields, "required": sorted(set.intersection(*always))}
    return _when("kind", kind, {"required": ["payload"], "properties": {"payload": body}})


def _rule(field: str, value: str, payload: str, specs: Mapping[str, FieldSpec]) -> dict[str, Any]:
    required = [name for name, spec in specs.items() if spec.required]
    body: dict[str, Any] = {"properties": {name: field_schema(spec) for name, spec in specs.items()}}
    if not required:
        return _when(field, value, {"properties": {payload: body}})
    then = {"required": [payload], "properties": {payload: {"type": "object", "required": required, **body}}}
    return _when(field, value, then)


def _when(field: str, value: str, then: dict[str, Any]) -> dict[str, Any]:
    return {"if": {"required": [field], "properties": {field: {"const": value}}}, "then": then}


_TYPES: Final = {"str": ["string", "integer"], "int": ["integer"], "number": ["number"], "bool": ["boolean"]}


def field_schema(spec: FieldSpec) -> dict[str, Any]:
    """The schema of one payload field. Usual values are examples; only a strict list is an enumeration."""
    types = [*_TYPES[spec.type], *([] if spec.required else ["null"])]
    if spec.strict:
        return {"enum": [*sorted(spec.values), *([] if spec.required else [None])]}
    made: dict[str, Any] = {"type": types if len(types) > 1 else types[0]}
    if spec.type == "str":
        made |= {"minLength": 1} if spec.required else {}
        made["maxLength"] = spec.max_length
    elif spec.type != "bool":
        made |= {"minimum": -LARGEST, "maximum": LARGEST}
    if spec.values:
        made["examples"] = sorted(spec.values)
    return made


def incompatibilities(old: Schema, new: Schema, path: str = "") -> tuple[str, ...]:
    """Why something that is valid under `old` may not be under `new`, one line per place; empty = compatible.

    A removed property counts too: it would be dropped, so what it says would be lost. A keyword that this
    comparison does not know is reported, never passed over.
    """
    return tuple(_differences(old, new, path or "item"))


_WORDS: Final = frozenset({"$schema", "$id", "title", "description", "examples"})
_LOWER: Final = ("minLength", "minimum", "minItems", "minProperties")
_UPPER: Final = ("maxLength", "maximum", "maxItems", "maxProperties")
_KNOWN: Final = _WORDS | {*_LOWER, *_UPPER} | {
    "type", "enum", "const", "pattern", "format", "required", "properties", "additionalProperties", "items",
    "anyOf", "allOf",
}  # fmt: skip


def _differences(old: Schema, new: Schema, path: str) -> Iterator[str]:
    for word in sorted({*old, *new} - _KNOWN):
        yield f"{path}: the keyword {word} cannot be judged"
    yield from _types(old, new, path)
    yield from _values(old, new, path)
    yield from _bounds(old, new, path)
    yield from _members(old, new, path)
    yield from _branches(old, new, path)


def _types(old: Schema, new: Schema, path: str) -> Iterator[str]:
    if "type" not in new:
        return
    allowed = _listed(new["type"])
    given = _listed(old["type"]) if "type" in old else _types_of(_enumerated(old))
    if given is None:
        yield f"{path}: had any type, now only {', '.join(allowed)}"
        return
    for name in given:
        if name not in allowed and not (name == "integer" and "number" in allowed):
            yield f"{path}: type {name} is no longer taken"


def _values(old: Schema, new: Schema, path: str) -> Iterator[str]:
    now, before = _enumerated(new), _enumerated(old)
    if now is None:
        return
    if before is None:
        yield f"{path}: was open, now has a list of values"
        return
    for value in before:
        if value not in now:
            yield f"{path}: value {value} is no longer taken"


def _bounds(old: Schema, new: Schema, path: str) -> Iterator[str]:
    bounded = _enumerated(old) is None
    for word in _LOWER:
        if word in new and bounded and (word not in old or old[word] < new[word]):
            yield f"{path}: {word} was {old.get(word, 'open')}, now {new[word]}"
    for word in _UPPER:
        if word in new and bounded and (word not in old or old[word] > new[word]):
            yield f"{path}: {word} was {old.get(word, 'open')}, now {new[word]}"
    for word in ("pattern", "format"):
        if word in new and new[word] != old.get(word):
            yield f"{path}: {word} was {old.get(word, 'open')}, now {new[word]}"


def _members(old: Schema, new: Schema, path: str) -> Iterator[str]:
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            yield f"{path}.{name}: is now required"
    before, now = old.get("properties", {}), new.get("properties", {})
    for name in before:
        if name not in now:
            yield f"{path}.{name}: is gone"
        else:
            yield from _differences(before[name], now[name], f"{path}.{name}")
    if new.get("additionalProperties", True) is False and old.get("additionalProperties", True) is not False:
        yield f"{path}: other fields are no longer permitted"
    if "items" in new:
        yield from _differences(old.get("items", {}), new["items"], f"{path}[]")


def _branches(old: Schema, new: Schema, path: str) -> Iterator[str]:
    if "anyOf" in new:
        for index, branch in enumerate(old.get("anyOf", [{}])):
            if all(incompatibilities(branch, other, path) for other in new["anyOf"]):
                yield f"{path}: form {index + 1} is no longer taken"
    before, now = _rules(old), _rules(new)
    for rule in before.keys() - now.keys():
        yield f"{path}: the fields of {rule[1]} are gone"
    for rule, then in now.items():
        if rule in before:
            yield from _differences(before[rule], then, f"{path}({rule[1]})")
        elif rule[1] in (_enumerated(old.get("properties", {}).get(rule[0], {})) or [rule[1]]):
            yield from _differences({}, then, f"{path}({rule[1]})")


def _rules(schema: Schema) -> dict[tuple[str, str], Schema]:
    """The if/then rules of `schema` by the field and value they ask for."""
    found = {}
    for rule in schema.get("allOf", ()):
        ((field, asked),) = rule["if"]["properties"].items()
        found[field, asked["const"]] = rule["then"]
    return found


def _enumerated(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _types_of(values: list[Any] | None) -> list[str] | None:
    if values is None:
        return None
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    return sorted({names[type(value)] for value in values})
