"""The API against its own description, by the engine of Schemathesis and all its checks, in one process.

By hand, with so many random cases of each operation: ``python -m tests.surfaces.api.fuzzing 200``.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
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
from tests.surfaces.talk_world import Ears, open_talks

PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")


@dataclass(slots=True)
class Found:
    """Checks by name that held, and in words what did not."""

    held: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


def fuzzed(home: Home, *, examples: int, phases: Sequence[str] = PHASES) -> Found:
    """Send what the description allows, and what it does not, with an admin key."""
    keys = home.access
    assert keys is not None
    terms: dict[str, Any] = {"name": "fuzz", "scopes": ROLES["admin"], "by": "root", "now": home.clock.now()}
    _, secret = asyncio.run(keys.make(home.tenant, home.region, **terms))
    config = {
        "seed": 7,
        "headers": {"Authorization": f"Bearer {secret}"},
        "generation": {"max-examples": examples, "deterministic": True},
        "operations": [
            {
                # That each message has an id of its own is more than a schema can say.
                "include-name": "POST /v1/handoff",
                "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "409", "422"]}},
            }
        ],
        "phases": {phase: {"enabled": phase in phases} for phase in PHASES},
    }
    app = build_app(home, Ears(), Terms(here=False))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=SchemathesisConfig.from_dict(config))
    found = Found()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(event, found)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.failed.append(f"error: {vars(event) if hasattr(event, '__dict__') else event}")
    return found


def _note(event: events.ScenarioFinished, found: Found) -> None:
    for check in (check for checks in event.recorder.checks.values() for check in checks):
        if check.failure_info is None:
            found.held[check.name] += 1
        else:
            info = check.failure_info
            found.failed.append(
                f"{event.label} {check.name}: {info.failure.message[:300]} | {info.code_sample[:300]}"
            )


def main() -> int:
    """Say what was found."""
    with TemporaryDirectory() as root, open_talks(Path(root)) as home:
        found = fuzzed(home, examples=int(sys.argv[1]))
    lines = [f"{name}: {number:,} held" for name, number in sorted(found.held.items())]
    sys.stdout.write("\n".join([*lines, *found.failed, f"{len(found.failed)} failures"]) + "\n")
    return int(bool(found.failed))


if __name__ == "__main__":
    sys.exit(main())
