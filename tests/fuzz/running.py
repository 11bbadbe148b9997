"""Schemathesis over an application in this process: what the description allows, and what it does not."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from domain.access import ROLES
from domain.ports.home import Home
from surfaces.api.app import Terms, build_app
from surfaces.asking import Asking
from tests.fuzz.vendors import Vendors
from tests.surfaces.talk_world import Ears
from tests.surfaces.webhooks.house import SECRETS
from tests.surfaces.webhooks.sending import URL
from tests.tools.chat.slack_world import Workspace
from tests.tools.crm.worlds import FixedClock
from tools.receivers import SettingsReceivers
from tools.settings import find_settings

PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")
_MORE: Final = (
    # That each message has an id of its own is more than a schema can say.
    ("POST /v1/handoff", ["2xx", "403", "409", "422"]),
    # What the vendor did not sign, or signed and never sends, is not the description's to say.
    ("POST /v1/webhooks/{source}", ["2xx", "400", "401", "404", "413", "415", "422"]),
    ("POST /v1/slack/interactions", ["2xx", "400", "401", "413"]),
    ("POST /v1/webhooks/{source}/{token}", ["2xx", "400", "401", "404", "413", "415", "422"]),
)


@dataclass(slots=True)
class Found:
    """Requests, checks by name that held, and in words what did not."""

    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    """By operation and status."""
    held: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


def fuzzed(
    home: Home,
    *,
    examples: int,
    role: str = "admin",
    phases: Sequence[str] = PHASES,
    seed: int = 7,
    but: Sequence[str] = (),
) -> Found:
    """Every check of Schemathesis in these phases, with a key of the role; so many random cases of each operation.

    `but` are operations that are left out, such as ``GET /v1/leads``.
    """
    receivers = SettingsReceivers(find_settings({}, public_url=URL, **SECRETS).settings)
    found = Found()

    def told(line: Mapping[str, Any]) -> None:
        if "error" in line:
            found.failed.append(f"{line['method']} {line['route']}: {line['error']} at {line['at']}")

    config = SchemathesisConfig.from_dict(_config(_key(home, role), examples, phases, seed))
    with TemporaryDirectory() as folder:
        asking = Asking(home, Workspace(Path(folder), FixedClock(home.clock.now())).chat)
        app = build_app(home, Ears(), Terms(), receivers=receivers, asking=asking, told=told)
        schema = schemathesis.openapi.from_asgi("/openapi.json", Vendors(app, home), config=config)
        for event in from_schema(schema.exclude(name=list(but)) if but else schema).execute():
            if isinstance(event, events.ScenarioFinished):
                _note(event, found)
            elif isinstance(event, events.NonFatalError | events.FatalError):
                found.failed.append(f"error: {event}")
    return found


def _key(home: Home, role: str) -> str:
    assert home.access is not None
    terms: dict[str, Any] = {"name": role, "scopes": ROLES[role], "by": "root", "now": home.clock.now()}
    return asyncio.run(home.access.make(home.tenant, home.region, **terms))[1]


def _config(key: str, examples: int, phases: Sequence[str], seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "request-timeout": 60,  # a busy machine is no finding
        "headers": {"Authorization": f"Bearer {key}"},
        "generation": {"max-examples": examples, "deterministic": True},
        "operations": [
            {"include-name": name, "checks": {"positive_data_acceptance": {"expected-statuses": statuses}}}
            for name, statuses in _MORE
        ],
        "phases": {phase: {"enabled": phase in phases} for phase in PHASES},
    }


def _note(event: events.ScenarioFinished, found: Found) -> None:
    recorder = event.recorder
    for case, interaction in recorder.interactions.items():
        found.requests += 1
        status = interaction.response.status_code if interaction.response is not None else 0
        found.statuses[f"{recorder.cases[case].value.operation.label} {status}"] += 1
    for check in (check for checks in recorder.checks.values() for check in checks):
        if check.failure_info is None:
            found.held[check.name] += 1
        else:
            failure, sample = check.failure_info.failure, check.failure_info.code_sample
            found.failed.append(f"{event.label} {check.name}: {failure.message[:300]} | {sample[:300]}")
