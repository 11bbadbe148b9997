"""The receivers of webhooks by name, with their settings. A vendor's module is loaded on its first request."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

from domain.errors import ConfigError
from domain.ports.receivers import SOURCES, Delivery, Form, NotSetUp, Reading, Receiver
from tools.echoes import actors_of, ids_of, written_of
from tools.settings import Settings

PATH: Final = "/v1/webhooks/"
SHORTEST: Final = 16
"""Signs of a secret or token."""
KEYED: Final = frozenset({"webhook_standard_secrets", "webhook_secrets"})
"""Settings whose secrets are ``whsec_`` and base64."""


class Vendor(Protocol):
    """A module of `tools.sources` that reads webhooks."""

    NAME: str
    FORM: Form
    SIGNED_URL: bool

    def verify(
        self, delivery: Delivery, *, now: int, secrets: Sequence[str], url: str = "", **more: Any
    ) -> None: ...

    def read(
        self,
        delivery: Delivery,
        *,
        now: int,
        actors: frozenset[str],
        accounts: frozenset[str],
        **more: Any,
    ) -> Reading: ...


@dataclass(frozen=True, slots=True)
class VendorReceiver:
    """Satisfies `domain.ports.receivers.Receiver`."""

    vendor: Vendor
    secrets: tuple[str, ...] = field(repr=False)
    url: str
    actors: frozenset[str]
    accounts: frozenset[str]
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What the vendor's check takes besides."""
    reading: Mapping[str, Any] = field(default_factory=dict)
    """The same of its reading."""

    @property
    def name(self) -> str:
        return self.vendor.NAME

    @property
    def form(self) -> Form:
        return self.vendor.FORM

    def verify(self, delivery: Delivery, *, now: int) -> None:
        if not self.secrets and not self.more.get("tokens"):
            raise NotSetUp(f"webhook_{self.name}_secrets")
        if self.vendor.SIGNED_URL and not self.url:
            raise NotSetUp("public_url")
        self.vendor.verify(delivery, now=now, secrets=self.secrets, url=self.url, **self.more)

    def read(self, delivery: Delivery, *, now: int) -> Reading:
        given = {"actors": self.actors, "accounts": self.accounts, **self.reading}
        return self.vendor.read(delivery, now=now, **given)


class SettingsReceivers:
    """Satisfies `domain.ports.receivers.Receivers`."""

    def __init__(self, settings: Settings) -> None:
        """Raises: ConfigError naming the setting that is wrong."""
        self._settings = settings
        self._made: dict[str, Receiver] = {}
        for name in SOURCES:
            secrets_of(settings, f"webhook_{name}_secrets")
        secrets_of(settings, "webhook_segment_tokens")
        for setting in ("webhook_actors", "webhook_accounts"):
            if unknown := sorted(set(getattr(settings, setting)) - {*SOURCES, "slack"}):
                raise ConfigError(f"{setting}: {unknown[0]} is no source; use one of {', '.join(SOURCES)}")

    def get(self, name: str) -> Receiver | None:
        if name not in SOURCES:
            return None
        if name not in self._made:
            self._made[name] = self._receiver(name)
        return self._made[name]

    def _receiver(self, name: str) -> Receiver:
        settings = self._settings
        more: dict[str, Any] = {}
        reading = {"written": written_of(settings, name)} if name in ("hubspot", "salesforce") else {}
        if name == "segment":
            more["tokens"] = secrets_of(settings, "webhook_segment_tokens")
        if name == "hubspot":
            more["older"] = settings.webhook_hubspot_v1
        return VendorReceiver(
            vendor=cast(Vendor, importlib.import_module(f"tools.sources.{name}")),
            secrets=secrets_of(settings, f"webhook_{name}_secrets"),
            url=f"{settings.public_url.rstrip('/')}{PATH}{name}" if settings.public_url else "",
            actors=actors_of(settings, name),
            accounts=ids_of(settings.webhook_accounts, name),
            more=more,
            reading=reading,
        )


def secrets_of(settings: Settings, setting: str) -> tuple[str, ...]:
    """The secrets of a setting. Raises: ConfigError for one that is none: too short, or not in its form."""
    found = tuple(secret.get_secret_value() for secret in getattr(settings, setting))
    for secret in found:
        _check(setting, secret)
    return found


def usable(setting: str, secret: str) -> bool:
    """Whether `secret` is one for that setting."""
    try:
        _check(setting, secret)
    except ConfigError:
        return False
    return True


def _check(setting: str, secret: str) -> None:
    if len(secret) < SHORTEST:
        raise ConfigError(
            f"{setting}: a secret has at least {SHORTEST} signs; an empty one would let anybody in"
        )
    if setting in KEYED:
        from tools.crm.webhook import Secret  # here: it takes half a second to import

        try:
            Secret.of(secret)
        except ConfigError as error:
            raise ConfigError(f"{setting}: {error}") from None
