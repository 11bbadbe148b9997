"""Settings: read once, from the environment (``LEADGRAPH_...``) and one TOML file; arguments win over both."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from domain.errors import ConfigError

PREFIX = "LEADGRAPH_"
SHIPPED = Path(__file__).resolve().parent.parent / "config"
"""The configuration that comes with the code."""


LISTS = frozenset({"regions", "webhook_secrets"})
"""Settings that an environment variable gives separated by commas."""


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
    webhook_url: str | None = Field(None, description="address that is told of notifications, signed")
    webhook_secrets: tuple[SecretStr, ...] = Field(
        (), description="signing secrets (whsec_...), several while one is being replaced"
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


@dataclass(frozen=True, slots=True)
class Found:
    """The settings, and for each where its value came from: ``default``, ``environment``, a file, or ``argument``."""

    settings: Settings
    origin: Mapping[str, str]


def find_settings(env: Mapping[str, str] | None = None, **arguments: Any) -> Found:
    """Read the settings: arguments over environment over file over defaults.

    The file is ``LEADGRAPH_FILE``, else ``leadgraph.toml`` in the working folder if it is there.
    Raises: ConfigError naming the setting, its origin and what is allowed.
    """
    env = os.environ if env is None else env
    values: dict[str, Any] = {}
    origin: dict[str, str] = dict.fromkeys(Settings.model_fields, "default")
    file = Path(env.get(f"{PREFIX}FILE", "leadgraph.toml"))
    for name, value in _from_file(file, required=f"{PREFIX}FILE" in env).items():
        values[name], origin[name] = value, str(file)
    for name in Settings.model_fields:
        text = env.get(f"{PREFIX}{name.upper()}")
        if text is not None and text != "":
            values[name], origin[name] = _split(name, text), f"environment {PREFIX}{name.upper()}"
    for name, value in arguments.items():
        if value is not None:
            values[name], origin[name] = value, "argument"
    try:
        return Found(Settings(**values), origin)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise ConfigError(f"setting {name} (from {origin.get(name, 'file')}): {first['msg']}") from None


def _split(name: str, text: str) -> Any:
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
