"""Talks written for this project with customers who must not be sold anything, whatever buying words they use.

In the state in which their talk ends they are angry, blocked (the desk says so), leaving, or complaining; calm buyers,
some of them with the words of a blocked one, show that the desk is not just silent.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from domain.handoff import Message, Talk

FILE: Final = Path(__file__).with_name("pitches.jsonl")
BUYER: Final = "calm_buyer"
BLOCKED: Final = "blocked"
STATES: Final = ("angry", BLOCKED, "churning", "complaining", BUYER)


@dataclass(frozen=True, slots=True)
class Scene:
    """One talk: the `state` of `STATES` in which it ends, and its turns, (role, text) each, oldest first."""

    name: str
    state: str
    industry: str
    register: str
    turns: tuple[tuple[str, str], ...]

    def talk(self, start: datetime) -> Talk:
        """As a desk sends it, a minute between turns."""
        messages = [
            Message.model_validate(
                {"id": f"m{n}", "role": role, "text": text, "at": start + timedelta(minutes=n)}
            )
            for n, (role, text) in enumerate(self.turns)
        ]
        return Talk(conversation_id=self.name, messages=tuple(messages), blocked=self.state == BLOCKED)


def scenes(file: Path = FILE) -> tuple[Scene, ...]:
    """All talks, in order."""
    found = []
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            row = json.loads(line)
            turns = tuple((role, text) for role, text in row["turns"])
            name = f"{row['state']}-{number}"
            found.append(Scene(name, row["state"], row["industry"], row["register"], turns))
    return tuple(found)
