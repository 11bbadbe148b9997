"""What vendors that publish no OpenAPI file state of the operations that we use, in the form of one.

Written from their reference pages: names, types, what must be there, the longest that is taken. Nothing else may be
asked, and no other name be sent.
"""

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
Operations = Mapping[str, str | Schema]


def _text(most: int, **more: Any) -> Schema:
    return {"type": "string", "maxLength": most, **more}


def _one_of(*values: str | None) -> Schema:
    return {"enum": list(values)}


def _of(needed: str = "", /, **properties: Schema) -> Schema:
    """An object with these properties, those named in `needed` at least."""
    return {"type": "object", "required": needed.split(), "properties": properties}


def _list(items: Schema, most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _nullable(**schema: Any) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


NUMBER: Final = {"type": "integer"}
NAME: Final = _text(100, pattern="^[a-z][a-z0-9_]*$")
FREE: Final = {"type": "object", "additionalProperties": _text(65_536)}
"""Of HubSpot: property by name, each value a text."""

_TICKET: Final = _of(
    comment=_of("public", html_body=_text(65_536, minLength=1), body=_text(65_536), public={"type": "boolean"}),
    group_id=_nullable(type="integer"), assignee_id=_nullable(type="integer"),
    priority=_one_of("low", "normal", "high", "urgent", None),
    status=_one_of("new", "open", "pending", "hold", "solved"),
    custom_fields=_list(_of("id value", id=NUMBER, value=_nullable(type="string", maxLength=65_535)), 100),
    safe_update={"type": "boolean"}, updated_stamp={"type": "string", "format": "date-time"},
)  # fmt: skip
_TAGS: Final = _of("tags", tags=_list(_text(255, pattern=r"^[^\s,]+$"), 100))
_ZENDESK: Final[Operations] = {
    "GET /api/v2/tickets/{id}": "",
    "PUT /api/v2/tickets/{id}": _of("ticket", ticket=_TICKET),
    "GET /api/v2/tickets/{id}/comments": "include page[size] page[after] sort",
    "PUT /api/v2/tickets/{id}/tags": _TAGS,
    "DELETE /api/v2/tickets/{id}/tags": _TAGS,
    "PUT /api/v2/comment_redactions/{id}": _of(
        "ticket_id", ticket_id=NUMBER, html_body=_text(65_536), external_attachment_urls={"type": "array"}
    ),
    "GET /api/v2/users/{id}": "",
    "GET /api/v2/groups": "page[size] page[after]",
    "GET /api/v2/ticket_fields": "page[size] page[after]",
    "POST /api/v2/ticket_fields": _of("ticket_field", ticket_field=_of(
        "type title", type=_one_of("text", "textarea", "integer", "checkbox"), title=_text(255),
        description=_text(65_535), visible_in_portal={"type": "boolean"},
    )),
    "GET /api/v2/webhooks": "filter[name_contains] page[size] page[after]",
    "GET /api/v2/webhooks/{id}/signing_secret": "",
    "POST /api/v2/webhooks": _of("webhook", webhook=_of(
        "name endpoint http_method request_format status", name=_text(255), endpoint=_text(2_048, pattern="^https://"),
        http_method=_one_of("GET", "POST", "PUT", "PATCH", "DELETE"), request_format=_one_of("json", "xml"),
        status=_one_of("active", "inactive"), subscriptions=_list({"type": "string"}, 100),
    )),
    "PATCH /api/v2/webhooks/{id}": _of("webhook", webhook=_of(
        status=_one_of("active", "inactive"), subscriptions=_list({"type": "string"}, 100),
    )),
}  # fmt: skip

_INPUT: Final[Mapping[str, Schema]] = {"id": _text(255, minLength=1), "objectWriteTraceId": _text(255)}
_BATCH_READ: Final = _of(
    "inputs properties", inputs=_list(_of("id", id=_text(255)), 100), properties={"type": "array"},
    propertiesWithHistory={"type": "array"}, idProperty=NAME,
)  # fmt: skip
_PROPERTY: Final = _of(
    "name label type fieldType groupName", name=NAME, label=_text(100), groupName=NAME, description=_text(1_000),
    type=_one_of("string", "number", "enumeration", "date", "datetime", "bool"),
    fieldType=_one_of("text", "textarea", "number", "select", "date", "booleancheckbox"),
    hasUniqueValue={"type": "boolean"},
)  # fmt: skip
_LINKED: Final = _of(
    "properties",
    properties=FREE,
    associations=_list(_of("to types", to=_of("id", id=_text(20, pattern="^[0-9]+$")), types=_list(_of(
        "associationCategory associationTypeId", associationTypeId=NUMBER,
        associationCategory=_one_of("HUBSPOT_DEFINED", "USER_DEFINED", "INTEGRATOR_DEFINED"),
    ), 10)), 100),
)  # fmt: skip
_MEMBERS: Final = _list(_text(20, pattern="^[0-9]+$"), 100_000)
_READ: Final = "properties associations archived idProperty"
_HUBSPOT: Final[Operations] = {
    "GET /account-info/v3/details": "",
    "GET /crm/v3/properties/{kind}": "",
    "POST /crm/v3/properties/{kind}": _PROPERTY,
    "GET /crm/v3/properties/{kind}/groups": "",
    "POST /crm/v3/properties/{kind}/groups": _of("name label", name=NAME, label=_text(100)),
    "GET /crm/v3/owners/{id}": "",
    "GET /crm/v4/associations/{one}/{other}/labels": "",
    "POST /crm/v4/associations/{one}/{other}/batch/read": _of(
        "inputs", inputs=_list(_of("id", id=_text(20, pattern="^[0-9]+$"), after=_text(100)), 1_000)
    ),
    "GET /crm/v3/objects/{kind}/{id}": _READ,
    "PATCH /crm/v3/objects/{kind}/{id}": _of("properties", properties=FREE),
    "DELETE /crm/v3/objects/{kind}/{id}": "",
    "POST /crm/v3/objects/{kind}": _LINKED,
    "POST /crm/v3/objects/{kind}/batch/read": _BATCH_READ,
    "POST /crm/v3/objects/{kind}/batch/update": _of(
        "inputs", inputs=_list(_of("id properties", **_INPUT, properties=FREE, idProperty=NAME), 100)
    ),
    "POST /crm/v3/objects/{kind}/batch/upsert": _of(
        "inputs", inputs=_list(_of("id idProperty properties", **_INPUT, properties=FREE, idProperty=NAME), 100)
    ),
    "GET /crm/v3/lists/{id}": "",
    "GET /crm/v3/lists/records/{kind}/{id}/memberships": "",
    "PUT /crm/v3/lists/{id}/memberships/add": _MEMBERS,
    "PUT /crm/v3/lists/{id}/memberships/remove": _MEMBERS,
    "POST /oauth/{version}/token": _of("grant_type client_id client_secret", **dict.fromkeys(
        ("grant_type", "client_id", "client_secret", "refresh_token", "scope", "code", "redirect_uri"), _text(2_000)
    )),
    "POST /oauth/v2/private-apps/get/access-token-info": _of("tokenKey", tokenKey=_text(300)),
    "GET /webhooks-journal/journal/{version}/earliest": "",
    "GET /webhooks-journal/journal/{version}/offset/{offset}/next": "",
    "GET /files/{name}": "",
}  # fmt: skip

_ID: Final = _text(18, pattern="^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$")
_TASK: Final[Mapping[str, Schema]] = {
    "WhoId": _ID, "OwnerId": _ID, "Subject": _text(255), "Status": _text(40), "Priority": _text(20),
    "Description": _text(32_000), "ActivityDate": {"type": "string", "format": "date"},
}  # fmt: skip
_LEAD: Final[Mapping[str, Schema]] = {
    "Leadgraph_Marks__c": _nullable(type="string", maxLength=32_768),
    "attributes": _of("type", type=_one_of("Lead")), "LastName": _text(80), "Company": _text(255), "OwnerId": _ID,
    **{f"Leadgraph_{name}__c": _nullable(type="number") for name in ("Points", "Fit", "Engagement")},
    **{f"Leadgraph_{name}__c": _nullable(type="string", maxLength=255)
       for name in ("Band", "Intent", "Next_Step", "Team", "Id")},
}  # fmt: skip
_V: Final = "/services/data/v59.0"
_SALESFORCE: Final[Operations] = {
    "POST /services/oauth2/token": _of("grant_type", **dict.fromkeys(
        ("grant_type", "client_id", "client_secret", "assertion"), _text(10_000)
    )),
    f"GET {_V}/limits": "",
    f"GET {_V}/queryAll": "q",
    f"GET {_V}/sobjects/{{kind}}/describe": "",
    f"PATCH {_V}/composite/sobjects": _of("allOrNone records", allOrNone={"type": "boolean"}, records=_list(
        _of("attributes id", **_LEAD, id=_ID), 200)),
    f"PATCH {_V}/composite/sobjects/Lead/Leadgraph_Id__c": _of(
        "allOrNone records", allOrNone={"type": "boolean"},
        records=_list(_of("attributes Leadgraph_Id__c", **_LEAD), 200)),
    f"PATCH {_V}/sobjects/Task/Leadgraph_Key__c/{{key}}": _of("Subject Status", **_TASK),
    f"PATCH {_V}/sobjects/Task/{{id}}": _of(**_TASK),
    f"DELETE {_V}/sobjects/Task/{{id}}": "",
}  # fmt: skip

_IDS: Final = _of("ids", ids=_list(NUMBER, 150))
_BREVO: Final[Operations] = {
    "GET /v3/account": "",
    "GET /v3/contacts/{identifier}": "identifierType",
    "GET /v3/contacts/lists/{id}": "",
    "POST /v3/contacts/lists/{id}/contacts/add": _IDS,
    "POST /v3/contacts/lists/{id}/contacts/remove": _IDS,
}

STATED: Final[Mapping[str, Operations]] = {
    "zendesk": _ZENDESK, "hubspot": _HUBSPOT, "salesforce": _SALESFORCE, "brevo": _BREVO,
}  # fmt: skip
"""By operation: the names of its parameters, or the schema of its body."""


def stated(vendor: str, server: str) -> dict[str, Any]:
    """The operations of a vendor as an OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation, takes in STATED[vendor].items():
        method, _, path = operation.partition(" ")
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        told: dict[str, Any] = {"responses": {"200": {"description": "done"}}}
        told["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
        if isinstance(takes, str):
            told["parameters"] += [{"name": name, "in": "query", "schema": {}} for name in takes.split()]
        else:
            media = "application/x-www-form-urlencoded" if path.endswith("/token") else "application/json"
            told["requestBody"] = {"required": True, "content": {media: {"schema": takes}}}
        paths.setdefault(path, {})[method.lower()] = told
    info = {"title": vendor, "version": "1"}
    return {"openapi": "3.1.0", "info": info, "servers": [{"url": server}], "paths": paths}


def from_slack(published: Mapping[str, Any]) -> dict[str, Any]:
    """Slack's file, of version 2.0, as one of 3.0: the operations that we use, with a body in JSON.

    The file is of 2021, so `metadata` is not in it; and of JSON it does not say that parts of a message are lists
    there, nor that the token stands in a header of another name.
    """
    paths: dict[str, Any] = {}
    for path in (
        "/chat.postMessage",
        "/chat.update",
        "/chat.postEphemeral",
        "/auth.test",
        "/conversations.history",
    ):
        for method, operation in published["paths"][path].items():
            given = [one for one in operation["parameters"] if one["name"] != "token"]
            form: dict[str, Schema] = {
                one["name"]: {"type": one["type"]} for one in given if one["in"] == "formData"
            }
            form |= {name: {"type": "array"} for name in form.keys() & {"blocks", "attachments"}}
            if path == "/chat.postMessage":
                form["metadata"] = _of(
                    "event_type event_payload", event_type=_text(255), event_payload={"type": "object"}
                )
            names = [one["name"] for one in given if one["in"] == "query"]
            names += ["include_all_metadata"] if path == "/conversations.history" else []
            told: dict[str, Any] = {"responses": {"200": {"description": "done"}}}
            told["parameters"] = [{"name": name, "in": "query", "schema": {}} for name in names]
            if form:
                needed = [one["name"] for one in given if one.get("required")]
                schema = {"type": "object", "required": needed, "properties": form}
                told["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
            paths.setdefault(f"/api{path}", {})[method] = told
    return {"openapi": "3.0.3", "info": dict(published["info"]), "paths": paths}
