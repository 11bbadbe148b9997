"""The suite of facts and moods: its messages, what is counted, and what its gates see."""

from datetime import datetime
from pathlib import Path

import pytest

from domain.intent import Slot
from domain.mood import PLAIN, Mood
from evals.runs import Run
from evals.suites import slots
from tools.reasoner.doors import Texts

TEXTS = Texts(Path(__file__).resolve().parents[2] / "config")


def silent(_text: str, _at: datetime) -> tuple[tuple[Slot, ...], Mood]:
    return (), PLAIN


def inventive(_text: str, _at: datetime) -> tuple[tuple[Slot, ...], Mood]:
    return (Slot("seats", "50", "m"),), PLAIN


def test_the_messages_are_many_each_once_and_held_apart() -> None:
    rows = list(slots.cases())
    assert len({case.id for case, _ in rows}) == len({text for _, text in rows}) == len(rows) >= 150
    parts = [case.slices["part"] for case, _ in rows]
    assert min(parts.count(slots.HELD), parts.count(slots.MADE)) >= 75


def test_the_shipped_words_pass_on_messages_that_were_held_apart() -> None:
    found = Run(slots.traces(TEXTS.facts), {}).document(draws=200)
    assert found["answer"] == "pass", found["gates"]
    assert set(found["by_slot"]["held"]) == {
        "authority", "budget", "need", "objection", "product", "seats", "timeline", "vendor"
    }  # fmt: skip


@pytest.mark.parametrize(("reader", "failing"), [(silent, "facts_f1"), (inventive, "invented")])
def test_a_reader_that_hears_nothing_or_too_much_fails(reader: slots.Reader, failing: str) -> None:
    found = Run(slots.traces(reader), {}).document(draws=200)
    assert failing in {gate["name"] for gate in found["gates"] if gate["answer"] == "fail"}


def test_no_trace_keeps_a_word_of_a_message() -> None:
    kept = " ".join(trace.model_dump_json() for trace in slots.traces(TEXTS.facts))
    assert "warehouse" not in kept


def test_the_gates_look_at_what_was_held_apart() -> None:
    """A reader that knows only the messages that the words were made with fails."""
    known = {text for case, text in slots.cases() if case.slices["part"] == slots.MADE}

    def crammed(text: str, at: datetime) -> tuple[tuple[Slot, ...], Mood]:
        return TEXTS.facts(text, at) if text in known else ((), PLAIN)

    found = Run(slots.traces(crammed), {}).document(draws=200)
    assert found["metrics"]["made_facts_f1"]["value"] > slots.LEAST_F1
    assert found["answer"] == "fail"
