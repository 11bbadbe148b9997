"""No free text reaches policy or actuation: shown on the types of what they take, down to the last field."""

import dataclasses
import inspect
from collections.abc import Iterator
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest

from agents import actuation, doubting, drafting, policy
from domain.careful import more_careful
from domain.ports.model import Model
from domain.ports.policy import Policy
from domain.ports.reasoner import Reasoner
from domain.quoted import Quoted
from domain.signal import Signal
from graph.deps import Deps

TAKERS = (policy.review, actuation.propose, doubting.doubt, drafting.draft, more_careful)
OUR_OWN = {
    "AccountId", "DecisionId", "LeadId", "Region", "RunId", "SignalId", "TenantId",
}  # fmt: skip
"""Ids that this system makes or a person configures."""
CODES = {
    "ActionSpec.params": "codes and sentences of the tables' templates, bounded; what people edit is checked apart",
    "BandState.by": "version of a scorer",
    "Claim.cue": "code of the lexicon, or `model`",
    "Claim.ref": "id of a signal, looked up and never shown to a model",
    "Event.kind": "code of the contract",
    "Event.ref": "id of a signal, looked up and never shown to a model",
    "Event.subject": "page, feature, stage or trait: allow-listed and cut at the door, read as codes",
    "Event.tags": "codes with numbers",
    "Event.value": "a stated trait: allow-listed and cut at the door; tables know listed codes only",
    "FiredRow.outputs": "cells of the tables",
    "FiredRow.rule": "id of a row",
    "FiredRow.table": "name of a table",
    "FiredRow.why": "sentence of a table, or a fixed one",
    "GateFailure.source": "name of a source",
    "GateFailure.detail": "code",
    "IntentReading.degraded": "code",
    "IntentReading.reasoner": "name of the reader",
    "IntentReading.version": "version of the reader",
    "LeadState.owner": "id of a salesperson",
    "LeadState.reading": "intents by name",
    "Mood.why": "code",
    "Override.override_id": "our id",
    "Override.value": "points or an owner, checked",
    "Part.feature": "name of a feature",
    "Part.name": "row of the ledger",
    "Part.signals": "ids of signals",
    "Part.words": "template filled with numbers and codes",
    "PastAction.band": "code",
    "PastAction.kind": "code",
    "Prompt.fingerprint": "of a file that ships",
    "Prompt.name": "of a file that ships",
    "Prompt.text": "of a file that ships",
    "Rep.regions": "codes",
    "Rep.rep_id": "id of a salesperson",
    "Rep.segments": "codes",
    "Rep.team": "code",
    "Score.remarks": "templates filled with numbers and codes",
    "Score.scorer": "name of a scorer",
    "Score.version": "version of a scorer",
    "Slot.name": "one of a closed list",
    "Slot.ref": "id of a signal",
    "Slot.value": "a code or a number: by patterns, or by a model in a form that holds no words",
    "Verdict.due_reason": "code",
    "Verdict.next_step": "template filled with numbers and codes",
    "Verdict.owner": "id of a salesperson",
    "Verdict.policy": "version",
    "doubt.reason": "code of a timer",
    "more_careful.code": "one of a closed list",
    "more_careful.why": "a fixed sentence",
    "review.features": "numbers and stated traits; tables know listed codes only",
}
"""Every field of a text that is no customer's words, and why not."""


def fields(found: Any) -> Iterator[tuple[str, Any]]:
    """Names and types of what a value of the type `found` holds."""
    if getattr(found, "_is_protocol", False):
        for name, member in vars(found).items():
            if isinstance(member, property):
                yield name, get_type_hints(member.fget)["return"]
    elif dataclasses.is_dataclass(found) or hasattr(found, "_fields"):
        yield from get_type_hints(found).items()


def harmless(found: Any) -> bool:
    """Numbers, times, closed lists, ports, our own ids: and a quote, which is inert."""
    plain = (int, bool, float, NoneType, Ellipsis, Quoted, Policy, Model)
    listed = isinstance(found, type) and (issubclass(found, Enum) or found.__module__ == "datetime")
    ours = hasattr(found, "__supertype__") and found.__name__ in OUR_OWN
    chosen = bool(get_args(found)) and all(isinstance(one, str) for one in get_args(found))
    return found in plain or listed or ours or chosen


def texts(found: Any, place: str, seen: set[Any]) -> Iterator[str]:
    """Places of the texts that a value of the type `found` can hold; refuses what it cannot look into."""
    if found is str:
        yield place
    elif harmless(found) or found in seen:
        return
    elif hasattr(found, "__supertype__"):
        yield from texts(found.__supertype__, place, seen)
    elif get_args(found):
        for one in get_args(found):
            yield from texts(one, place, seen)
    else:
        assert found is not Signal, f"{place} reaches the words of a signal"
        assert found not in (Any, object), f"{place} can hold anything"
        seen.add(found)
        inside = list(fields(found))
        assert inside, f"{place}: {found} cannot be looked into"
        for name, kind in inside:
            yield from texts(kind, f"{found.__name__}.{name}", seen)


def taken() -> set[str]:
    """Places of all texts that policy and actuation can take."""
    found = set()
    for taker in TAKERS:
        for name, kind in get_type_hints(taker).items():
            if name not in ("return", "mark"):
                found |= set(texts(kind, f"{taker.__name__}.{name}", set()))
    return found


def test_no_field_that_policy_or_actuation_take_can_hold_words_but_a_quote() -> None:
    """A new text field fails here until somebody says why no customer's words can be in it."""
    assert taken() == set(CODES)


def test_the_walk_finds_a_signal_wherever_it_hides() -> None:
    """Or the test above would say nothing."""

    @dataclasses.dataclass
    class Hides:
        inside: tuple[dict[str, Signal], ...]

    with pytest.raises(AssertionError, match="reaches the words of a signal"):
        list(texts(Hides, "x", set()))


def test_nodes_that_read_text_hold_nothing_that_writes() -> None:
    """What they may reach has no word for it; the model's own memory is behind its port."""
    ports = {name: kind for name, kind in get_type_hints(Deps).items() if name != "deadlines"}
    assert set(ports) == {"catalogue", "reasoner", "scorer", "policy", "packages", "shadow", "mind"}
    does = {
        name
        for port in (Reasoner, Policy, Model)
        for name, member in inspect.getmembers(port)
        if not name.startswith("_") and callable(member)
    }
    assert does == {"read", "evaluate", "codes", "holdout", "calendar", "zone", "key", "ask"}
