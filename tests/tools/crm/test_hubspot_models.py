"""HubSpot's own client takes the bodies of our requests as they are: nothing is missing, unknown or of another type."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.tools.crm.test_vendor_contract import EVERY
from tests.tools.crm.vendor_worlds import hubspot_account
from tests.tools.crm.worlds import SCORE, SUBJECT
from tests.tools.setup.fresh import FreshHubSpot
from tests.tools.vendor_server import Asked, Wire
from tools.settings import SHIPPED
from tools.setup import setup

pytest.importorskip("hubspot", reason="hubspot-api-client is not installed: pip install hubspot-api-client")

MODELS = {
    "contacts/batch/upsert": ("hubspot.crm.contacts", "BatchInputSimplePublicObjectBatchInputUpsert"),
    "contacts/batch/update": ("hubspot.crm.contacts", "BatchInputSimplePublicObjectBatchInput"),
    "tasks": ("hubspot.crm.objects.tasks", "SimplePublicObjectInputForCreate"),
    "notes": ("hubspot.crm.objects.notes", "SimplePublicObjectInputForCreate"),
}


def model_of(asked: Asked) -> tuple[str, str]:
    """The module and the class of the client that stand for the body of a request."""
    what = asked.path.removeprefix("/crm/v3/objects/")
    if asked.path.endswith("/groups"):
        return "hubspot.crm.properties", "PropertyGroupCreate"
    if asked.path.startswith("/crm/v3/properties/"):
        return "hubspot.crm.properties", "PropertyCreate"
    if asked.method == "PATCH":
        return "hubspot.crm.objects.tasks", "SimplePublicObjectInput"
    return MODELS[what]


def through_the_client(asked: Asked) -> Any:
    """The body as HubSpot's client would send it after having read it."""
    from importlib import import_module

    module, name = model_of(asked)
    client = import_module(module).ApiClient()
    model = client.deserialize(SimpleNamespace(data=json.dumps(asked.body)), name)
    return client.sanitize_for_serialization(model)


async def test_every_write_fits(tmp_path: Path) -> None:
    account = hubspot_account(tmp_path)
    await account.target.send(SCORE, SUBJECT, key="first")
    for number, step in enumerate(EVERY):
        await account.target.send(step, SUBJECT, key=f"k{number}")
    asked = [one for one in account.wire.log if one.writes and one.body is not None]
    assert {one.path.removeprefix("/crm/v3/objects/") for one in asked} >= MODELS.keys()
    assert [one.path for one in asked if through_the_client(one) != one.body] == []


async def test_every_property_that_is_made_fits() -> None:
    fake = FreshHubSpot()
    wire = Wire(fake)
    with wire.served() as url:
        opened = setup("hubspot").account({"crm_token": fake.token, "crm_url": url, "config": str(SHIPPED)})
        assert opened is not None
        async with opened as account:
            for one in await account.makeable():
                await account.make(one)
    asked = [one for one in wire.log if one.writes]
    assert len(asked) > 3
    assert [one.path for one in asked if through_the_client(one) != one.body] == []
