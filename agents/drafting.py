"""Drafts by a model for a person's eyes: a brief, a note, a reply. They are read, and nothing sends or writes them.

A draft is cleaned, cut, and dropped if it states a number that is nowhere in what the model was given.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.asking import Asked, asked
from domain.cited import Cite, Mark, numbers_hold, shown_again
from domain.ids import LeadId, TenantId
from domain.intent import IntentReading
from domain.policy import FiredRow, Verdict
from domain.ports.model import Model, Request
from domain.quoted import Quoted, inert
from domain.score import Score
from prompts.load import Prompt

LONGEST: Final = {"brief": 900, "note": 300, "reply": 700}
"""Characters that are kept of each draft."""


class Form(BaseModel):
    """The answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    brief: Annotated[str, Field(max_length=2_000)]
    note: Annotated[str, Field(max_length=1_000)]
    reply: Annotated[str, Field(max_length=2_000)]
    evidence: Annotated[tuple[Cite, ...], Field(max_length=6)]


@dataclass(frozen=True, slots=True)
class Drafts:
    """Drafts by name, inert; those that did not hold are left out."""

    texts: dict[str, str]
    asked: Asked[Form]


async def draft(
    verdict: Verdict,
    *,
    score: Score,
    reading: IntentReading,
    quotes: Sequence[Quoted],
    whose: tuple[TenantId, LeadId],
    model: Model,
    prompt: Prompt,
    mark: Mark,
    rule: FiredRow,
) -> Drafts:
    """Drafts about what is proposed. Without an answer there are none."""
    shown = shown_again(quotes)
    state = _state(verdict, score, reading)
    request = Request(
        agent="actuation",
        prompt=prompt.text,
        fingerprint=prompt.fingerprint,
        content=f"{state}\n{shown.spotlit(mark)}",
        form=Form,
        tenant=whose[0],
        lead=whose[1],
    )
    found = await asked(model, request, Form, rule=rule)
    if found.form is None:
        return Drafts({}, found)
    cited = [shown.evidence(cite) for cite in found.form.evidence]
    given = (state, *(one.text for one in quotes))
    said = {name: inert(getattr(found.form, name), longest) for name, longest in LONGEST.items()}
    texts = {name: text for name, text in said.items() if text and numbers_hold(text, given)}
    fell = sum(bool(text) for text in said.values()) - len(texts)
    return Drafts(texts, replace(found, dropped=fell + cited.count(None)))


def _state(verdict: Verdict, score: Score, reading: IntentReading) -> str:
    return json.dumps(
        {
            "to_do": verdict.next_step,
            "actions": [action.kind.value for action in verdict.actions],
            "points": score.points,
            "reasons": [part.words for part in score.ledger if part.words],
            "intents": {intent.value: sure for intent, sure in reading.confidences},
            "known": [[slot.name, slot.value] for slot in reading.slots],
            "mood": [reading.mood.sentiment.value, reading.mood.urgency.value],
        },
        sort_keys=True,
    )
