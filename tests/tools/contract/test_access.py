"""Keys of the HTTP API: known by their hash, of one tenant, over at once when they are."""

from typing import Any

import pytest

from domain.access import ROLES, Scope
from domain.errors import BadInput
from domain.ids import Region, TenantId
from domain.instants import HOUR, MINUTE
from domain.ports.access import ApiKey
from tests.tools.contract.stores import NOW, OTHER, TENANT, AnyStore

EU = Region("eu")


async def made(store: AnyStore, tenant: TenantId = TENANT, **more: Any) -> tuple[ApiKey, str]:
    terms = {"name": "Ada", "scopes": ROLES["viewer"], "by": "root", "now": NOW, **more}
    return await store.access.make(tenant, EU, **terms)


async def only(store: AnyStore) -> ApiKey:
    (key,) = await store.access.all(TENANT)
    return key


async def test_a_secret_stands_for_the_caller_it_was_made_for_and_for_nobody_in_another_tenant(
    store: AnyStore,
) -> None:
    key, secret = await made(store)
    found = await store.access.find(TENANT, secret, now=NOW)
    assert found == key.caller
    assert (key.caller.name, key.caller.tenant, key.caller.region) == ("Ada", TENANT, EU)
    assert key.caller.scopes == {Scope.READ}
    assert secret.startswith(f"lgk_{key.caller.key_id}_")
    assert await store.access.find(OTHER, secret, now=NOW) is None
    assert not await store.access.all(OTHER)


@pytest.mark.parametrize("change", ["last", "id", "case", "empty", "blank", "long", "not ascii"])
async def test_what_is_not_the_secret_to_the_letter_is_nobody(store: AnyStore, change: str) -> None:
    key, secret = await made(store)
    shown = {
        "last": secret[:-1] + ("0" if secret[-1] != "0" else "1"),
        "id": secret.replace(key.caller.key_id, "0" * 12),
        "case": secret.upper(),
        "empty": "",
        "blank": f"{secret} ",
        "long": secret * 1_000,
        "not ascii": secret[:-1] + "\udc80",
    }[change]
    assert await store.access.find(TENANT, shown, now=NOW) is None


async def test_a_revoked_key_is_over_at_once_and_ending_it_twice_changes_nothing(store: AnyStore) -> None:
    key, secret = await made(store)
    ended = await store.access.revoke(TENANT, key.caller.key_id, by="root", now=NOW + 1)
    again = await store.access.revoke(TENANT, key.caller.key_id, by="eve", now=NOW + 9)
    assert ended == again == await only(store)
    assert ended.revoked_at == NOW + 1
    assert await store.access.find(TENANT, secret, now=NOW) is None
    rows = [row for row in await store.reads.audit_rows(TENANT) if row["step"] == "api_key"]
    assert [row["code"] for row in rows] == ["made", "revoked"]
    assert all("Ada" not in str(row) and secret[-64:] not in str(row) for row in rows)
    with pytest.raises(BadInput) as refused:
        await store.access.revoke(OTHER, key.caller.key_id, by="root", now=NOW)
    assert refused.value.code == "unknown"


async def test_an_expired_key_is_nobody_from_the_very_instant(store: AnyStore) -> None:
    _, secret = await made(store, expires_at=NOW + MINUTE)
    assert await store.access.find(TENANT, secret, now=NOW + MINUTE - 1) is not None
    assert await store.access.find(TENANT, secret, now=NOW + MINUTE) is None


async def test_when_a_key_was_last_used_is_kept_to_the_hour_and_never_goes_back(store: AnyStore) -> None:
    _, secret = await made(store)
    assert (await only(store)).used_at is None
    for now in (NOW + 5 * HOUR + MINUTE, NOW):
        await store.access.find(TENANT, secret, now=now)
        used = (await only(store)).used_at
        assert used is not None
        assert used % HOUR == 0
        assert used <= NOW + 5 * HOUR + MINUTE < used + HOUR


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"by": ""}, "by"),
        ({"scopes": frozenset()}, "scopes"),
        ({"expires_at": NOW}, "expires"),
    ],
)
async def test_a_key_for_nobody_for_nothing_or_for_no_time_is_not_made(
    store: AnyStore, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        await made(store, **wrong)
    assert refused.value.field == field
    assert not await store.access.all(TENANT)
