"""Settings: read once, from the environment (``LEADGRAPH_...``) and one TOML file; arguments win over both."""

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from domain.errors import ConfigError
from tools.credentials import Credentials

PREFIX = "LEADGRAPH_"
SHIPPED = Path(__file__).resolve().parent.parent / "config"
"""The configuration that comes with the code."""


RECEIVED = frozenset(
    f"webhook_{name}"
    for name in (
        "hubspot_secrets", "salesforce_secrets", "segment_secrets", "segment_tokens", "chatwoot_secrets",
        "intercom_secrets", "zendesk_secrets", "standard_secrets", "slack_secrets",
    )
)  # fmt: skip
"""Settings that hold the secrets of what is received."""
LISTS = frozenset({"regions", "slack_regions", "poll", "crm_channels", "webhook_secrets"}) | RECEIVED
"""Settings that an environment variable gives separated by commas."""
PAIRS = frozenset({"model_by_agent", "webhook_actors", "webhook_accounts", "vendor_per_minute"})
"""Settings that an environment variable gives as ``name=value``, separated by commas."""
USUAL = {"model_url": "OPENAI_BASE_URL", "model_key": "OPENAI_API_KEY"}
"""Settings that are also taken from where other programs have them; our own names win."""

SEALED = "sealed in the home"
"""Where a setting came from that `tools.credentials` keeps."""

Received = Annotated[tuple[SecretStr, ...], Field(max_length=2)]
"""Secrets of a source: two while one is being replaced."""


Channel = Annotated[str, Field(pattern=r"^/(data|event)/[A-Za-z]\w{0,79}$")]
"""A channel of change events or platform events."""


class Settings(BaseModel):
    """Every setting. Each is an environment variable ``LEADGRAPH_<NAME>`` or a line of the TOML file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(Path(".leadgraph"), description="folder of all state")
    tenant: str = Field("default", pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="customer of this home")
    region: str = Field("eu", pattern=r"^[a-z]{2,12}$", description="data region of items that name none")
    regions: tuple[str, ...] = Field(("eu", "us", "uk"), description="regions that an item may name")
    config: Path = Field(SHIPPED, description="folder of tables that people edit")
    data: Path | None = Field(
        None, description="folder of development data sets; only tests and evals read it"
    )
    anchor: Path | None = Field(None, description="audit anchor file; must lie outside the home")
    master_key: Path | None = Field(None, description="file of the key that wraps the leads' keys")
    writer: str = Field(
        "w1", pattern=r"^[a-z0-9][a-z0-9_-]{0,19}$", description="audit chain of this process"
    )
    beside: bool = Field(
        False, description="share the home with other processes, each under a writer name of its own"
    )
    max_waiting: int = Field(
        200_000, ge=1, description="signals that may wait before the door says come back later"
    )
    max_attempts: int = Field(5, ge=1, le=100, description="failed runs after which a lead is parked")
    lease_s: int = Field(30, ge=1, le=3_600, description="seconds for which a worker holds a lead")
    export_file: Path | None = Field(
        None, description="CSV file that takes every action instead of the embedded CRM"
    )
    crm_url: str | None = Field(
        None, description="address of a CRM in a process of its own, instead of the embedded one"
    )
    crm_token_file: Path | None = Field(
        None, description="file of its token; read anew when the CRM does not accept the token any more"
    )
    crm: Literal["embedded", "hubspot", "salesforce"] = Field(
        "embedded", description="whose CRM takes scores, owners, tasks and notes"
    )
    crm_token: SecretStr | None = Field(
        None, description="token of HubSpot, where no crm_token_file is named"
    )
    crm_refresh_token: SecretStr | None = Field(
        None, description="refresh token of HubSpot's OAuth app, instead of crm_token"
    )
    crm_client_id: str | None = Field(
        None, description="client id of Salesforce's connected app, or of HubSpot's OAuth app"
    )
    crm_client_secret: SecretStr | None = Field(None, description="its secret")
    crm_jwt_key_file: Path | None = Field(
        None, description="private key (PEM) of the connected app, instead of crm_client_secret"
    )
    crm_jwt_key: SecretStr | None = Field(
        None, description="that key itself, where no crm_jwt_key_file is named"
    )
    crm_jwt_user: str | None = Field(
        None, description="name of the Salesforce user who logs in with that key"
    )
    crm_jwt_audience: Literal["https://login.salesforce.com", "https://test.salesforce.com"] = Field(
        "https://login.salesforce.com",
        description="whom that login is for; sandboxes: https://test.salesforce.com",
    )
    crm_channels: tuple[Channel, ...] = Field(
        (),
        max_length=10,
        description="channels of Salesforce that are listened to: /data/LeadChangeEvent, /event/My_Event__e",
    )
    crm_create: bool = Field(False, description="make a record at the vendor for a lead that has none there")
    programmes: Literal["embedded", "hubspot", "brevo"] = Field(
        "embedded", description="whose lists are the programmes: hubspot uses the token of the CRM"
    )
    programmes_url: str | None = Field(None, description="address of Brevo, where it is another")
    programmes_token: SecretStr | None = Field(None, description="API key of Brevo")
    programmes_token_file: Path | None = Field(
        None, description="file of that key; read anew when not accepted"
    )
    desk: Literal["off", "chatwoot", "intercom", "zendesk"] = Field(
        "off", description="desk whose conversations are handed over"
    )
    desk_url: str | None = Field(None, description="address of the desk")
    desk_account: int = Field(
        1, ge=1, description="number of the account at Chatwoot, or of our admin at Intercom"
    )
    desk_token: SecretStr | None = Field(
        None, description="token of the desk, where no desk_token_file is named"
    )
    desk_token_file: Path | None = Field(
        None, description="file of that token; read anew when it is not accepted"
    )
    desk_handoff: Literal["on", "dry", "off"] = Field(
        "on", description="follow the desk's conversations; dry: only put on record what would be done"
    )
    desk_tell_customer: bool = Field(
        False,
        description="write the sentence of customer.toml to the customer when a conversation goes to a person",
    )
    webhook_url: str | None = Field(None, description="address that is told of notifications, signed")
    webhook_secrets: tuple[SecretStr, ...] = Field(
        (), description="signing secrets (whsec_...), several while one is being replaced"
    )
    slack_channel: str | None = Field(
        None,
        pattern=r"^([CG][A-Z0-9]{2,20})?$",
        description="id of the channel where people are asked and told",
    )
    slack_regions: tuple[str, ...] = Field(
        (), description="regions whose questions are asked in the channel (default: the home's own)"
    )
    slack_token: SecretStr | None = Field(None, description="token of the Slack app's bot (xoxb-...)")
    slack_token_file: Path | None = Field(
        None, description="file of that token; read anew when it is not accepted"
    )
    slack_url: str | None = Field(None, description="address of Slack, where it is another")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s?#]+(/[^\s?#]*)?$",
        description="address at which the outside reaches us, as vendors sign it; never taken from a request",
    )
    webhook_hubspot_secrets: Received = Field((), description="client secret of the HubSpot app")
    webhook_hubspot_v1: bool = Field(
        False, description="let HubSpot's old signature in, which has no time, where it sends no other"
    )
    webhook_salesforce_secrets: Received = Field((), description="tokens that we issue to Salesforce")
    webhook_segment_secrets: Received = Field((), description="shared secret of the Segment destination")
    webhook_segment_tokens: Received = Field(
        (), description="tokens that we issue to Segment or RudderStack, needed for lists of events"
    )
    webhook_chatwoot_secrets: Received = Field((), description="secret of the Chatwoot webhook")
    webhook_intercom_secrets: Received = Field((), description="client secret of the Intercom app")
    webhook_zendesk_secrets: Received = Field((), description="signing secret of the Zendesk webhook")
    webhook_standard_secrets: Received = Field(
        (), description="secrets (whsec_...) of whoever signs after Standard Webhooks"
    )
    webhook_slack_secrets: Received = Field((), description="signing secret of the Slack app")
    webhook_actors: dict[str, str] = Field(
        default_factory=dict,
        description="source -> ids of our own users, bots or apps there, `|` between them",
    )
    webhook_accounts: dict[str, str] = Field(
        default_factory=dict, description="source -> accounts there whose events are taken; else all are"
    )
    vendor_per_minute: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="vendor -> requests a minute that all workers together may make there; else its usual limit",
    )
    read_wait_s: float = Field(
        3.0, ge=0, le=60, description="seconds that a lead waits for a record of it to be read at its vendor"
    )
    poll: tuple[str, ...] = Field(
        (), description="vendors that are asked for what they never sent: chatwoot, hubspot, salesforce"
    )
    poll_s: int = Field(60, ge=5, le=86_400, description="seconds between two such questions")
    memory: str = Field(
        "embedded",
        pattern=r"^(embedded|off|https?://[^/\s]+/?)$",
        description="where texts are remembered: embedded, off, or the address of a Chroma server",
    )
    model: str | None = Field(None, description="name of the language model; without one none is asked")
    model_by_agent: dict[str, str] = Field(
        default_factory=dict, description="agent (intent, scoring, policy, actuation) -> another model's name"
    )
    model_url: str | None = Field(
        None, description="address of its endpoint, up to /v1; else OPENAI_BASE_URL, else OpenAI's"
    )
    model_key: SecretStr | None = Field(None, description="key of the endpoint; else OPENAI_API_KEY")
    model_plain_http: bool = Field(
        False, description="let texts go to an endpoint on another machine unencrypted"
    )
    model_deadline_s: float = Field(
        15.0, gt=0, le=300, description="seconds that an answer may take in all, tries and waits included"
    )
    model_at_once: int = Field(4, ge=1, le=100, description="questions that a process asks at a time")
    model_max_tokens: int = Field(1_500, ge=16, le=32_000, description="longest answer, in tokens")
    model_seed: int | None = Field(7, description="seed for endpoints that take one")
    model_prices: Path | None = Field(
        None, description="price table, instead of prices.toml in the folder of tables"
    )
    model_lead_calls: int = Field(40, ge=0, description="requests for one lead a day")
    model_lead_tokens: int = Field(200_000, ge=0, description="tokens for one lead a day")
    model_lead_money: Decimal = Field(
        Decimal("0.50"), ge=0, description="money for one lead a day, in the price table's currency"
    )
    model_tenant_calls: int = Field(5_000, ge=0, description="requests for a tenant a day")
    model_tenant_tokens: int = Field(20_000_000, ge=0, description="tokens for a tenant a day")
    model_tenant_money: Decimal = Field(
        Decimal("25.00"), ge=0, description="money for a tenant a day, in the price table's currency"
    )
    langsmith_sample: float = Field(
        0.0, ge=0, le=1, description="share of questions to a model that LangSmith is told of, without texts"
    )
    langsmith_url: str = Field("https://api.smith.langchain.com", description="address of LangSmith")
    langsmith_key: SecretStr | None = Field(None, description="key of LangSmith")
    api_key: SecretStr | None = Field(
        None, description="bearer key that callers of the HTTP API must show; needed beyond this machine"
    )
    api_per_minute: int = Field(
        6_000,
        ge=0,
        description="requests a minute that a key may make at one server; 0: as many as it likes",
    )
    api_burst: int = Field(600, ge=1, description="of which so many may come at once")
    proxies: int = Field(
        0, ge=0, le=5, description="servers in front that each add the address they see to X-Forwarded-For"
    )
    events_to_loopback: bool = Field(
        False, description="let outgoing events go to this machine, also by http: for development"
    )
    batch: int = Field(64, ge=1, le=1_000, description="leads that a worker takes at once")

    def anchor_file(self) -> Path:
        """Where roots are anchored: beside the home, never inside it.

        Raises: ConfigError if the setting points into the home.
        """
        home = self.home.resolve()
        anchor = (self.anchor or home.parent / f"{home.name.lstrip('.')}-anchor.jsonl").resolve()
        if anchor.is_relative_to(home):
            raise ConfigError(f"anchor: {anchor} lies inside the home; name a place outside {home}")
        return anchor

    def erased_file(self) -> Path:
        """The list of privacy deletions: beside the anchor, so that it outlives the home. Raises: ConfigError."""
        name = self.home.resolve().name.lstrip(".")
        return self.anchor_file().with_name(f"{name}-erased.jsonl")


SECRETS = frozenset(
    name for name, one in Settings.model_fields.items() if "SecretStr" in repr(one.annotation)
)
"""Settings that are credentials."""


@dataclass(frozen=True, slots=True)
class Found:
    """The settings, and where each came from: ``default``, `SEALED`, a file, ``environment`` or ``argument``."""

    settings: Settings
    origin: Mapping[str, str]


def find_settings(env: Mapping[str, str] | None = None, **arguments: Any) -> Found:
    """Read the settings: arguments over environment over file over what is sealed in the home over defaults.

    The file is ``LEADGRAPH_FILE``, else ``leadgraph.toml`` in the working folder if it is there.
    Raises: ConfigError naming the setting, its origin and what is allowed.
    """
    return _found(env, arguments, _sealed)


def settings_without_sealed() -> Found:
    """As `find_settings`, with what is sealed left closed: for whoever mends that. Raises: as it."""
    return _found(None, {}, lambda _: {})


def _found(
    env: Mapping[str, str] | None,
    arguments: Mapping[str, Any],
    opened: Callable[[Mapping[str, Any]], Mapping[str, str]],
) -> Found:
    env = os.environ if env is None else env
    values: dict[str, Any] = {}
    origin: dict[str, str] = dict.fromkeys(Settings.model_fields, "default")
    file = Path(env.get(f"{PREFIX}FILE", "leadgraph.toml"))
    for name, value in _from_file(file, required=f"{PREFIX}FILE" in env).items():
        values[name], origin[name] = value, str(file)
    for name, variable, text in _from_environment(env):
        if name not in values or variable.startswith(PREFIX):
            values[name], origin[name] = parsed(name, text), f"environment {variable}"
    given = {name: value for name, value in arguments.items() if value is not None}
    values, origin = values | given, origin | dict.fromkeys(given, "argument")
    sealed = {name: parsed(name, text) for name, text in opened(values).items()}
    values, origin = sealed | values, origin | dict.fromkeys(sealed.keys() - values.keys(), SEALED)
    try:
        return Found(Settings(**values), origin)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise ConfigError(f"setting {name} (from {origin.get(name, 'file')}): {first['msg']}") from None


def _sealed(values: Mapping[str, Any]) -> Mapping[str, str]:
    """What was given to ``leadgraph connect`` once and is sealed in the home that `values` name."""
    home, master = Path(values.get("home", Settings.model_fields["home"].default)), values.get("master_key")
    kept = Credentials(home, master=Path(master) if master else None)
    return kept.all(Settings.model_fields)


def _from_environment(env: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(setting, variable, text), our own variables last: they win."""
    ours = {name: f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name, variable in (*USUAL.items(), *ours.items()):
        if env.get(variable):
            yield name, variable, env[variable]


def parsed(name: str, text: str) -> Any:
    """The value of a setting that is given as text: lists and pairs are separated by commas."""
    if name in PAIRS:
        return dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part) or text
    return tuple(part.strip() for part in text.split(",")) if name in LISTS else text


def _from_file(file: Path, *, required: bool) -> Mapping[str, Any]:
    if not file.is_file():
        if required:
            raise ConfigError(f"{PREFIX}FILE: {file} is not there")
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from None
