"""A second look by a model before something is done: it may make a verdict more careful, and nothing else.

What comes back is one of three wishes and a word for the reason; `domain.careful` applies it. There is no field
that could name an action, an owner or a text to send.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.asking import Asked, asked
from domain.careful import AGAIN, Wish
from domain.cited import Cite, Mark, shown_again
from domain.ids import LeadId, TenantId
from domain.intent import IntentReading
from domain.policy import FiredRow, Verdict
from domain.ports.model import Model, Request
from domain.quoted import Quoted
from domain.score import Score
from prompts.load import Prompt


class Doubt(StrEnum):
    """Why a verdict is doubted."""

    NONE = "none"
    CONFLICT = "conflict"
    COMPLAINT = "complaint"
    WITHDRAWN = "withdrawn"
    WRONG_PERSON = "wrong_person"
    UNCLEAR = "unclear"
    HIGH_STAKES = "high_stakes"


WORDS: Final[Mapping[Doubt, str]] = {
    Doubt.NONE: "A second look gave no reason.",
    Doubt.CONFLICT: "A second look finds words for it and against it.",
    Doubt.COMPLAINT: "A second look finds a complaint that comes first.",
    Doubt.WITHDRAWN: "A second look finds that the interest was taken back.",
    Doubt.WRONG_PERSON: "A second look finds that this may be the wrong person.",
    Doubt.UNCLEAR: "A second look finds the words unclear.",
    Doubt.HIGH_STAKES: "A second look finds that too much is at stake.",
}


class Form(BaseModel):
    """The answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wish: Wish
    reason: Doubt
    evidence: Annotated[tuple[Cite, ...], Field(max_length=4)]


@dataclass(frozen=True, slots=True)
class Doubted:
    """What is wished for, and the reason."""

    wish: Wish
    reason: Doubt
    asked: Asked[Form]

    @property
    def why(self) -> str:
        """The reason in a sentence; a fixed text."""
        return WORDS[self.reason]


async def doubt(
    verdict: Verdict,
    *,
    reason: str,
    score: Score,
    reading: IntentReading,
    quotes: Sequence[Quoted],
    whose: tuple[TenantId, LeadId],
    model: Model,
    prompt: Prompt,
    mark: Mark,
    rule: FiredRow,
) -> Doubted:
    """What a second look wishes for; `reason` woke the lead. Without an answer the verdict stands.

    To hold takes evidence that stands in a quote, else a person is asked. So it is for a lead that was held before:
    it does not wait for ever.
    """
    shown = shown_again(quotes)
    request = Request(
        agent="policy",
        prompt=prompt.text,
        fingerprint=prompt.fingerprint,
        content=f"{_state(verdict, score, reading)}\n{shown.spotlit(mark)}",
        form=Form,
        tenant=whose[0],
        lead=whose[1],
    )
    found = await asked(model, request, Form, rule=rule)
    if found.form is None:
        return Doubted(Wish.KEEP, Doubt.NONE, found)
    wish, held = found.form.wish, shown.all(found.form.evidence)
    dropped = len(found.form.evidence) if not held else 0
    if wish is Wish.HOLD and (not held or reason == AGAIN):
        wish = Wish.ASK
    return Doubted(wish, found.form.reason, replace(found, dropped=dropped))


def _state(verdict: Verdict, score: Score, reading: IntentReading) -> str:
    """Codes and numbers. The hour is left out: the same case asks the same question."""
    return json.dumps(
        {
            "verdict": {
                "kind": verdict.kind.value,
                "actions": [action.kind.value for action in verdict.actions],
                "rules": [row.why for row in verdict.rules],
            },
            "score": {"points": score.points, "unit": score.unit, "confidence": score.confidence},
            "intents": {intent.value: sure for intent, sure in reading.confidences},
        },
        sort_keys=True,
    )
