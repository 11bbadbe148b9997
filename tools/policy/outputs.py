"""What rows say: outputs of known codes, numbers and sentences, and the combinations that make no sense."""

import re
from collections.abc import Callable, Iterator, Mapping
from string import Formatter

from domain.next_step import PLACEHOLDERS
from domain.nudge import BOUND
from domain.policy import Fact, listed
from tools.policy.cells import BadCell
from tools.policy.columns import Output
from tools.policy.problems import did_you_mean

_SENTENCE_LIMIT = 300
_HOURS = re.compile(r"^\d{1,5}$")
Outputs = Mapping[str, Fact]
Finding = tuple[str, str, str]
"""Output, problem, remedy."""
NEEDS: Mapping[str, tuple[str, ...]] = {
    "create_task": ("queue", "priority"),
    "handoff": ("queue", "priority"),
    "notify": ("queue",),
    "enrol": ("programme",),
    "assign_owner": ("team",),
}
"""What an action needs beside it in the row."""


def read_output(spec: Output, text: str) -> Fact:
    """The value that a cell states. Raises: BadCell."""
    words = " ".join(text.split())
    if not words:
        if spec.optional:
            return None
        raise BadCell("is empty", f"this output is needed: {spec.words}")
    return _READERS[spec.type](spec, words)


def inconsistencies(table: str, outputs: Outputs) -> Iterator[Finding]:
    """What does not fit together in one row of `table`."""
    yield from _CHECKS.get(table, _no_check)(outputs)


def _code(spec: Output, words: str) -> Fact:
    word = words.casefold()
    if word not in spec.codes:
        raise BadCell("is not a known code", did_you_mean(word, spec.codes, "it can be"))
    return word


def _codes(spec: Output, words: str) -> Fact:
    parts = [part.strip().casefold() for part in words.split(",")]
    for part in parts:
        if part not in spec.codes:
            raise BadCell(
                f"has {part!r}, which is not a known code", did_you_mean(part, spec.codes, "it can be")
            )
    if len(set(parts)) < len(parts):
        raise BadCell("names a code twice", "name each code once")
    return ", ".join(parts)


def _number(_: Output, words: str) -> Fact:
    if not _HOURS.match(words):
        raise BadCell("is not a whole number from 0 to 99999", "write digits only")
    return int(words)


def _sentence(_: Output, words: str) -> Fact:
    try:
        found = [part for part in Formatter().parse(words) if part[1] is not None]
    except ValueError:
        raise BadCell("has a brace without its partner", "write placeholders as {intent}") from None
    if any(form or conversion for _, _, form, conversion in found):
        raise BadCell("has a placeholder with a format", "write placeholders as {intent}")
    names = {str(name) for _, name, _, _ in found}
    for name in sorted(names - PLACEHOLDERS):
        raise BadCell(
            f"has the unknown placeholder {{{name}}}", did_you_mean(name, PLACEHOLDERS, "it can be")
        )
    if len(words) > _SENTENCE_LIMIT:
        raise BadCell("is too long", f"at most {_SENTENCE_LIMIT} characters")
    return words


_READERS: Mapping[str, Callable[[Output, str], Fact]] = {
    "code": _code,
    "codes": _codes,
    "number": _number,
    "sentence": _sentence,
}


def _stop_row(outputs: Outputs) -> Iterator[Finding]:
    yield from _hold(outputs)
    for kind in listed(outputs["add"]):
        if kind not in listed(outputs["allow"]):
            yield "add", f"asks for {kind}, which the row does not allow", f"write {kind} into then:allow too"
    yield from _needs(listed(outputs["add"]), {**outputs, "priority": "normal"}, "add")


def _hold(outputs: Outputs) -> Iterator[Finding]:
    effect, start, hours = outputs["effect"], outputs["hold_from"], outputs["hold_hours"]
    if effect == "hold" and start is None:
        yield "hold_from", "is empty though the row holds", "say from when the hold counts"
    if effect == "hold" and start in ("now", "human_touch") and not hours:
        yield "hold_hours", "is empty though the row holds for a time", "write a number of hours"
    if effect != "hold" and start is not None:
        yield "hold_from", "has no meaning without the effect hold", "leave it empty"
    if effect == "recheck" and not hours:
        yield "hold_hours", "is empty though the lead is to be looked at again", "write a number of hours"


def _needs(kinds: tuple[str, ...], outputs: Outputs, column: str) -> Iterator[Finding]:
    for kind in kinds:
        for needed in NEEDS.get(kind, ()):
            if outputs.get(needed) is None:
                yield column, f"{kind} needs then:{needed}, which is empty", f"fill then:{needed}"


def _routing_row(outputs: Outputs) -> Iterator[Finding]:
    kinds = listed(outputs["actions"])
    yield from _needs(kinds, outputs, "actions")
    if "assign_owner" in kinds and outputs["owner"] == "none":
        yield "owner", "says none, though the row assigns an owner", "write keep or round_robin"
    if outputs["owner"] == "round_robin" and "assign_owner" not in kinds:
        yield (
            "actions",
            "does not assign the owner that round_robin chooses",
            "add assign_owner to then:actions",
        )


def _approval_row(outputs: Outputs) -> Iterator[Finding]:
    """Tables promoted before there were terms have neither column, and still load."""
    people, hours = outputs.get("people"), outputs.get("hours")
    if outputs["decision"] == "go" and (people, hours) != (None, None):
        yield "decision", "says go, so nobody is asked", "leave then:people and then:hours empty"
    if people not in (None, 1, 2):
        yield "people", "is neither 1 nor 2", "write 1, or 2 for the two-person rule"
    if hours == 0:
        yield "hours", "leaves nobody any time", "write at least 1"


def _model_row(outputs: Outputs) -> Iterator[Finding]:
    bound = outputs.get("bound")
    if isinstance(bound, int) and bound > BOUND:
        yield "bound", f"is over {BOUND} thousandths", f"write at most {BOUND}"
    if outputs["call"] == "local" and bound is not None:
        yield "bound", "has no meaning where no model is asked", "leave it empty"


def _no_check(_: Outputs) -> Iterator[Finding]:
    yield from ()


_CHECKS: Mapping[str, Callable[[Outputs], Iterator[Finding]]] = {
    "do_not_act": _stop_row,
    "timing": _hold,
    "routing": _routing_row,
    "approval": _approval_row,
    "model": _model_row,
}
