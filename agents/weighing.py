"""Weighing with a model: do the words make a sale more or less likely than the score says?

The model names reasons out of a list; how much each is worth, and that all together stay within a bound, is code
(`domain.nudge`). A reason whose evidence does not hold does not count.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.asking import Asked, asked
from domain.cited import Cite, Mark, Shown, numbers_hold
from domain.intent import IntentReading
from domain.lead import LeadState
from domain.memory import Analogues
from domain.nudge import Reason, tags_of
from domain.policy import FiredRow
from domain.ports.model import Model, Request
from domain.quoted import inert
from domain.score import Score
from prompts.load import Prompt

LONGEST_RATIONALE: Final = 500
_SHUT: Final = ConfigDict(frozen=True, extra="forbid")
_ROWS: Final = 12


class Why(BaseModel):
    """A reason with the words that show it."""

    model_config = _SHUT

    reason: Reason
    evidence: Annotated[tuple[Cite, ...], Field(min_length=1, max_length=3)]


class Form(BaseModel):
    """The answer."""

    model_config = _SHUT

    reasons: Annotated[tuple[Why, ...], Field(max_length=6)]
    rationale: Annotated[str, Field(max_length=1_000)]


@dataclass(frozen=True, slots=True)
class Weighed:
    """Tags for the events whose words show a reason, by ref, and the rationale; both empty without an answer."""

    tags: dict[str, tuple[str, ...]]
    words: tuple[str, ...]
    asked: Asked[Form]


async def weigh(
    lead: LeadState,
    score: Score,
    reading: IntentReading,
    new: Sequence[str],
    shown: Shown,
    *,
    similar: Analogues | None,
    model: Model,
    prompt: Prompt,
    mark: Mark,
    rule: FiredRow,
) -> Weighed:
    """The reasons that the model finds in the signals `new`; `similar` cases are counts only.

    Without an answer the score stands.
    """
    state = _state(score, reading, new, shown, similar)
    request = Request(
        agent="scoring",
        prompt=prompt.text,
        fingerprint=prompt.fingerprint,
        content=f"{state}\n{shown.spotlit(mark)}",
        form=Form,
        tenant=lead.tenant,
        lead=lead.lead_id,
    )
    found = await asked(model, request, Form, rule=rule)
    if found.form is None:
        return Weighed({}, (), found)
    held, fresh = [], frozenset(new)
    for one in found.form.reasons:
        refs = [quote.ref for quote in shown.all(one.evidence)]
        if refs and fresh.issuperset(refs):
            held.append((one.reason, refs))
    dropped = len(found.form.reasons) - len(held)
    said = inert(found.form.rationale, LONGEST_RATIONALE)
    true = numbers_hold(said, (state, *(text for _, text in shown.texts.values())))
    words = (f"By a language model: {said}",) if said and true else ()
    return Weighed(tags_of(held), words, replace(found, dropped=dropped + (bool(said) and not true)))


def _state(
    score: Score, reading: IntentReading, new: Sequence[str], shown: Shown, similar: Analogues | None
) -> str:
    names = {ref: name for name, (ref, _) in shown.texts.items()}
    rows = sorted(score.ledger, key=lambda part: -abs(part.micro))[:_ROWS]
    return json.dumps(
        {
            "new": [names[ref] for ref in new if ref in names],
            "score": {
                "points": score.points,
                "unit": score.unit,
                "counted": [part.words or part.name for part in rows],
            },
            "intents": {intent.value: sure for intent, sure in reading.confidences},
            "similar": {"cases": similar.cases, "won": similar.won} if similar else None,
        },
        sort_keys=True,
    )
