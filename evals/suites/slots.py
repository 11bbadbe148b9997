"""Facts, sentiment and urgency in single messages, on messages written for this project.

``made`` the patterns were made with. ``held`` was written before the patterns, by the same hand, and not looked at
since. ``hard`` was written when the patterns were done, to say things otherwise, and was not looked at either; nor was
``apart``, written in a third wording before the heads were first trained. Gates look at what is held, and for what
is invented at what is apart too; the other figures of hard and apart say what is missed. A fact counts if slot and
value are right.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from domain.intent import Slot
from domain.mood import Mood
from evals.cases import Case, Trace
from learning.gates import at_least, at_most, overall
from learning.intervals import Interval, draws_of, mean
from learning.weighted import Floats

SUITE: Final = "slots"
OWN: Final = "own"
HELD, HARD, APART, MADE = "held", "hard", "apart", "made"
PARTS: Final = (HELD, HARD, APART, MADE)
WRITTEN: Final = datetime(2026, 3, 10, 15, tzinfo=UTC)
"""When all the messages count as written: a Tuesday."""
LEAST_F1: Final = 0.8
LEAST_MOOD: Final = 0.8
MOST_INVENTED: Final = 0.15
"""Share of messages without a fact in which one is read."""
_FILES: Final = Path(__file__).resolve().parent.parent
_MOST_WRONG: Final = 12

Reader = Callable[[str, datetime], tuple[tuple[Slot, ...], Mood]]


def cases() -> Iterator[tuple[Case, str]]:
    """Each message with what is right of it, and its text. A trace keeps no text."""
    for part in PARTS:
        for line in (_FILES / f"slots_{part}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            given = {name: row[name] for name in ("facts", "sentiment", "urgency")}
            yield (
                Case(id=row["id"], suite=SUITE, dataset=OWN, slices={"part": part}, given=given),
                row["text"],
            )


def traces(read: Reader) -> tuple[Trace, ...]:
    """What `read` finds in each message, and how long it took."""
    found = []
    for case, text in cases():
        start = time.perf_counter()
        slots, mood = read(text, WRITTEN)
        seconds = time.perf_counter() - start
        output = {
            "facts": [f"{slot.name}:{slot.value}" for slot in slots],
            "sentiment": mood.sentiment.value,
            "confidence": mood.confidence,
            "urgency": mood.urgency.value,
        }
        found.append(Trace(case=case, output=output, seconds=seconds))
    return tuple(found)


def score(
    traces: Sequence[Trace], about: Mapping[str, Any], *, draws: int = 1_000, seed: int = 0
) -> dict[str, Any]:
    """Precision, recall and F1 of all facts and of each slot, what is invented, sentiment and urgency."""
    parts = {name: [one for one in traces if one.case.slices["part"] == name] for name in PARTS}
    seen = {name: figures(part, draws=draws, seed=seed) for name, part in parts.items() if part}
    held = seen.get(HELD, {})
    unknown = Interval(None)
    gates = (
        at_least(held.get("facts_f1", unknown), LEAST_F1, name="facts_f1"),
        at_most(
            invented([*parts[HELD], *parts[APART]], draws=draws, seed=seed), MOST_INVENTED, name="invented"
        ),
        at_least(held.get("sentiment_accuracy", unknown), LEAST_MOOD, name="sentiment_accuracy"),
        at_least(held.get("urgency_accuracy", unknown), LEAST_MOOD, name="urgency_accuracy"),
    )
    return {
        "suite": SUITE, "dataset": traces[0].case.dataset, "n": len(traces),
        "metrics": {
            f"{name}_{figure}": one.document() for name, part in seen.items() for figure, one in part.items()
        },
        "by_slot": {name: by_slot(part, draws=draws, seed=seed) for name, part in parts.items()},
        "moods": {name: moods(part) for name, part in parts.items()},
        "confidence": {name: by_confidence(part) for name, part in parts.items()},
        "ms": round(1_000 * float(np.median([one.seconds or 0.0 for one in traces])), 3),
        "wrong": {name: [one.case.id for one in part if not whole(one)][:_MOST_WRONG] for name, part in parts.items()},
        "gates": [gate.document() for gate in gates], "answer": overall(gates),
    } | dict(about)  # fmt: skip


def figures(part: Sequence[Trace], *, draws: int, seed: int) -> dict[str, Interval]:
    """Of one part."""
    counts = np.array([_counted(one, None) for one in part], dtype=np.float64)
    return {
        **_precision(counts, draws=draws, seed=seed, prefix="facts_"),
        "whole": mean([float(whole(one)) for one in part], draws=draws, seed=seed),
        "invented": invented(part, draws=draws, seed=seed),
        **{
            f"{name}_accuracy": mean(
                [float(one.output[name] == one.case.given[name]) for one in part], draws=draws, seed=seed
            )
            for name in ("sentiment", "urgency")
        },
    }


def invented(part: Sequence[Trace], *, draws: int, seed: int) -> Interval:
    """Share of the messages without a fact in which one is read."""
    empty = [float(bool(one.output["facts"])) for one in part if not one.case.given["facts"]]
    return mean(empty, draws=draws, seed=seed)


def whole(trace: Trace) -> bool:
    """True if facts, sentiment and urgency are all right."""
    given, said = trace.case.given, trace.output
    same = set(given["facts"]) == set(said["facts"])
    return same and given["sentiment"] == said["sentiment"] and given["urgency"] == said["urgency"]


def by_slot(part: Sequence[Trace], *, draws: int, seed: int) -> dict[str, Any]:
    """Precision, recall and F1 of each slot; an interval of few facts is wide, and says so."""
    names = sorted(
        {fact.partition(":")[0] for one in part for fact in (*one.case.given["facts"], *one.output["facts"])}
    )
    told = {}
    for name in names:
        counts = np.array([_counted(one, name) for one in part], dtype=np.float64)
        seen = _precision(counts, draws=draws, seed=seed)
        told[name] = {
            "n": int(counts[:, 2].sum()),
            **{figure: one.document() for figure, one in seen.items()},
        }
    return told


def moods(part: Sequence[Trace]) -> dict[str, Any]:
    """Precision, recall and F1 of each sentiment and urgency."""
    told: dict[str, Any] = {}
    for name in ("sentiment", "urgency"):
        for value in sorted({str(one.case.given[name]) for one in part}):
            right = [one.case.given[name] == value for one in part]
            said = [one.output[name] == value for one in part]
            hit = sum(a and b for a, b in zip(right, said, strict=True))
            told[f"{name}:{value}"] = {
                "n": sum(right),
                "precision": round(hit / max(1, sum(said)), 4),
                "recall": round(hit / max(1, sum(right)), 4),
                "f1": round(2 * hit / max(1, sum(said) + sum(right)), 4),
            }
    return told


def by_confidence(part: Sequence[Trace]) -> list[dict[str, Any]]:
    """How often the sentiment is right at each confidence."""
    told = []
    for level in sorted({int(one.output["confidence"]) for one in part}):
        at = [one for one in part if one.output["confidence"] == level]
        right = sum(one.output["sentiment"] == one.case.given["sentiment"] for one in at)
        told.append({"said": level / 1_000, "n": len(at), "right": round(right / len(at), 4)})
    return told


def _counted(trace: Trace, slot: str | None) -> tuple[int, int, int]:
    """Facts that are right, that were said, and that are there; of one slot, or of all."""
    right, said = (
        {fact for fact in facts if slot is None or fact.partition(":")[0] == slot}
        for facts in (trace.case.given["facts"], trace.output["facts"])
    )
    return len(right & said), len(said), len(right)


def _precision(counts: Floats, *, draws: int, seed: int, prefix: str = "") -> dict[str, Interval]:
    """Precision, recall and F1 with intervals: messages are drawn, not facts."""
    drawn = np.concatenate(
        [weights @ counts for weights in draws_of(None, len(counts), draws=draws, seed=seed)]
    )
    total = counts.sum(0)[None, :]
    return {
        f"{prefix}{name}": _between(_share(total, name), _share(drawn, name))
        for name in ("precision", "recall", "f1")
    }


def _share(rows: Floats, name: str) -> Floats:
    """A figure of rows of (right, said, there); NaN where it is not defined."""
    right, said, there = rows[:, 0], rows[:, 1], rows[:, 2]
    part, of = {"precision": (right, said), "recall": (right, there), "f1": (2 * right, said + there)}[name]
    return np.asarray(np.divide(part, of, out=np.full_like(part, np.nan), where=of > 0))


def _between(value: Floats, drawn: Floats) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value[0]) or len(known) < 0.9 * len(drawn):
        return Interval(None)
    low, high = np.quantile(known, (0.025, 0.975))
    return Interval(float(value[0]), float(low), float(high), float(known.std()))
