"""Reading with a model: what is a lead after, in texts of which the local reader is unsure?

What the model claims is checked against the texts that it was shown. It tells what the lead is after, and is kept with
the event; for the score it does not count (`domain.intents`).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.asking import Asked, asked
from domain.cited import Cite, Mark, Shown, numbers_in
from domain.intent import BY_MODEL, Claim, Intent, Reading, Slot
from domain.lead import LeadState
from domain.policy import FiredRow
from domain.ports.model import Model, Request
from domain.quoted import Quoted
from prompts.load import Prompt

MOST_SURE: Final = 950
_VALUE: Final = re.compile(r"[a-z0-9](?:[a-z0-9_:+-]|(?<=\d)\.(?=\d)){0,39}")
_SHUT: Final = ConfigDict(frozen=True, extra="forbid")
Named = Literal[
    "purchase", "pricing", "demo", "expansion", "renewal", "procurement", "technical", "comparison", "support",
    "billing", "churn", "not_a_buyer", "person",
]  # fmt: skip


class Class(BaseModel):
    """Something that the customer is after; `confidence` per mille."""

    model_config = _SHUT

    intent: Named
    confidence: Annotated[int, Field(ge=1, le=1_000)]
    evidence: Annotated[tuple[Cite, ...], Field(min_length=1, max_length=3)]


class Stated(BaseModel):
    """A fact of the sale."""

    model_config = _SHUT

    name: Literal["authority", "budget", "need", "product", "seats", "timeline", "vendor"]
    value: Annotated[str, Field(max_length=40)]
    evidence: Annotated[tuple[Cite, ...], Field(min_length=1, max_length=3)]


class Form(BaseModel):
    """The answer."""

    model_config = _SHUT

    classes: Annotated[tuple[Class, ...], Field(max_length=8)]
    slots: Annotated[tuple[Stated, ...], Field(max_length=8)]


async def read(
    lead: LeadState,
    local: Reading,
    new: Sequence[str],
    shown: Shown,
    *,
    model: Model,
    prompt: Prompt,
    mark: Mark,
    rule: FiredRow,
) -> tuple[Reading, tuple[Quoted, ...], Asked[Form]]:
    """`local` with what the model read in the signals `new`, its evidence, and what it took.

    Without an answer the local reading stands, marked as one that is to be redone if that is worth it.
    """
    request = Request(
        agent="intent",
        prompt=prompt.text,
        fingerprint=prompt.fingerprint,
        content=_content(local, new, shown, mark),
        form=Form,
        tenant=lead.tenant,
        lead=lead.lead_id,
    )
    found = await asked(model, request, Form, rule=rule)
    if found.form is None or found.answer is None:
        degraded = local.degraded or (f"model:{found.failed}" if found.again else None)
        return replace(local, degraded=degraded), (), found
    claims, quotes, dropped = _claims(found.form, frozenset(new), shown)
    slots, more = _slots(found.form, frozenset(new), shown)
    said = {(slot.name, slot.ref) for slot in local.slots}
    reading = replace(
        local,
        claims=(*local.claims, *claims),
        slots=(*local.slots, *(slot for slot in slots if (slot.name, slot.ref) not in said)),
        reasoner=found.answer.model,
    )
    return reading, quotes, replace(found, dropped=dropped + more)


def _content(local: Reading, new: Sequence[str], shown: Shown, mark: Mark) -> str:
    names = {ref: name for name, (ref, _) in shown.texts.items()}
    state = {
        "new": [names[ref] for ref in new if ref in names],
        "local": [
            {"text": names[claim.ref], "intent": claim.intent.value, "confidence": claim.confidence}
            for claim in local.claims
            if claim.ref in names
        ],
    }
    return f"{json.dumps(state, sort_keys=True)}\n{shown.spotlit(mark)}"


def _claims(
    form: Form, new: frozenset[str], shown: Shown
) -> tuple[tuple[Claim, ...], tuple[Quoted, ...], int]:
    """Claims whose evidence holds, one for each signal and intent, the surest; their quotes; how many fell."""
    best: dict[tuple[str, Intent], Claim] = {}
    quotes: dict[Quoted, None] = {}
    dropped = 0
    for one in form.classes:
        held = shown.all(one.evidence)
        if not held or not new.issuperset(quote.ref for quote in held):
            dropped += 1
            continue
        quotes |= dict.fromkeys(held)
        intent, sure = Intent(one.intent), min(MOST_SURE, one.confidence)
        for ref in dict.fromkeys(quote.ref for quote in held):
            before = best.get((ref, intent))
            if before is None or before.confidence < sure:
                best[ref, intent] = Claim(intent, sure, ref, BY_MODEL)
    ordered = sorted(best.values(), key=lambda claim: (claim.ref, claim.intent.value))
    return tuple(ordered), tuple(quotes), dropped


def _stands(value: str, held: Sequence[Quoted]) -> bool:
    """Whether `value` is a code or a number, all of whose words and numbers the quotes state."""
    said = " ".join(quote.text for quote in held)
    parts = value.replace("_", " ").replace(":", " ").replace("-", " ").replace("+", " ")
    words = set(re.findall(r"[a-z]+", parts)) <= set(re.findall(r"[a-z]+", said.casefold()))
    return _VALUE.fullmatch(value) is not None and words and numbers_in(parts) <= numbers_in(said)


def _slots(form: Form, new: frozenset[str], shown: Shown) -> tuple[tuple[Slot, ...], int]:
    """Facts whose evidence holds and whose value is a code or a number that stands in it; how many fell."""
    found: dict[tuple[str, str], Slot] = {}
    for one in form.slots:
        held = shown.all(one.evidence)
        if held and _stands(one.value, held) and new.issuperset(quote.ref for quote in held):
            found.setdefault((one.name, held[0].ref), Slot(one.name, one.value, held[0].ref))
    return tuple(found.values()), len(form.slots) - len(found)
