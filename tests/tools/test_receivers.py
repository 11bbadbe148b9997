"""Receivers as the settings say: secrets in pairs, nothing open by default, mistakes named."""

import pytest

from domain.errors import ConfigError
from domain.ports.receivers import SOURCES, Delivery, NotSetUp
from tools.receivers import SettingsReceivers
from tools.settings import find_settings


def receivers(**variables: str) -> SettingsReceivers:
    env = {f"LEADGRAPH_{name.upper()}": value for name, value in variables.items()}
    return SettingsReceivers(find_settings(env).settings)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_without_a_secret_turns_everything_away(name: str) -> None:
    receiver = receivers(public_url="https://a.example").get(name)
    assert receiver is not None
    assert receiver.name == name
    with pytest.raises(NotSetUp, match=f"webhook_{name}_secrets"):
        receiver.verify(Delivery({}, b"{}"), now=0)


def test_secrets_come_from_the_environment_two_at_most() -> None:
    found = receivers(webhook_zendesk_secrets="a" * 20 + ", " + "b" * 20).get("zendesk")
    assert found is not None
    assert "aaaa" not in repr(found)
    with pytest.raises(ConfigError, match="webhook_zendesk_secrets"):
        receivers(webhook_zendesk_secrets=",".join("abc" * 10 for _ in range(3)))


@pytest.mark.parametrize("secret", ["short", "a" * 20 + ",", ","])
def test_a_secret_that_is_too_short_to_be_one_is_refused(secret: str) -> None:
    with pytest.raises(ConfigError, match="at least 16"):
        receivers(webhook_hubspot_secrets=secret)


def test_a_source_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match="webhook_actors: hubspt"):
        receivers(webhook_actors="hubspt=1")
    assert receivers().get("signals") is None


def test_an_address_with_a_query_is_refused() -> None:
    with pytest.raises(ConfigError, match="public_url"):
        receivers(public_url="https://a.example/?x=1")
