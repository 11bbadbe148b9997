"""How a model may change a verdict: never to anything less careful.

Verdicts are ordered: act, ask a person, hold. A wish moves a verdict up or leaves it; what it asks for cannot name
an action, a parameter or an owner, so there is nothing in it that could loosen anything.
"""

from dataclasses import replace
from enum import StrEnum
from typing import Final, Literal

from domain.action import SILENT, ActionKind, ActionSpec
from domain.approval import Terms
from domain.instants import HOUR
from domain.policy import FiredRow, Verdict, VerdictKind

TABLE: Final = "model"
"""Table of the rows that stand for a model's wish."""
WORDS: Final = "words"
"""Table of the row that stands for `raised_by_words`."""
WORDS_ALONE: Final = "words_alone"
AGAIN: Final = "review_over"
"""Reason of the timer that wakes a lead held by a wish. Held once, a further wish to hold asks a person."""
HELD_HOURS: Final = 24
_TOLD: Final = frozenset({"intent", "next_step"})
"""Parameters that only tell a person more: closed codes and sentences of templates."""
_SUPPORT: Final = "support"


class Wish(StrEnum):
    """What a reviewer may wish for, in order of care."""

    KEEP = "keep"
    ASK = "ask"
    HOLD = "hold"


_LOOSER: Final = {
    Wish.KEEP: frozenset[VerdictKind](),
    Wish.ASK: frozenset({VerdictKind.ACT}),
    Wish.HOLD: frozenset({VerdictKind.ACT, VerdictKind.ASK}),
}
"""The verdicts that are less careful than a wish: those alone it changes."""


def more_careful(
    verdict: Verdict, wish: Wish, *, code: str, why: str, as_of: int, table: Literal["model", "words"] = TABLE
) -> Verdict:
    """`verdict` with `wish`, whose reason is `code` and in a sentence `why`; as it is where it is that careful already.

    The actions of the result are among those of `verdict`, with the same parameters. What is held is looked at again
    by the tables, so to wake the lead sooner than another hold would is no less careful.
    """
    outward = [action for action in verdict.actions if action.kind not in SILENT]
    if wish is Wish.KEEP or not outward or verdict.kind not in _LOOSER[wish]:
        return verdict
    fired = FiredRow(table, code, why, {})
    bare = why.rstrip(".")
    if wish is Wish.ASK:
        return replace(
            verdict,
            kind=VerdictKind.ASK,
            rules=(*verdict.rules, fired),
            next_step=f"Ask a person first: {bare}. Then: {verdict.next_step}",
            terms=Terms(),
        )
    kept = tuple(action for action in verdict.actions if action.kind in SILENT)
    return replace(
        verdict,
        kind=VerdictKind.ACT if kept else VerdictKind.HOLD,
        actions=kept,
        rules=(*verdict.rules, fired),
        due_at=as_of + HELD_HOURS * HOUR,
        due_reason=AGAIN,
        next_step=f"Wait: {bare}. Then: {verdict.next_step}",
    )


def raised_by_words(verdict: Verdict, wordless: Verdict) -> bool:
    """True if `verdict` writes something unasked that the case without words would not, or would elsewhere.

    To call a person of the desk, or to tell a colleague, writes nothing: that words may do alone. So may they say how
    urgent it is.
    """
    if verdict.kind is not VerdictKind.ACT:
        return False
    return not _written(verdict) <= (_written(wordless) if wordless.kind is VerdictKind.ACT else frozenset())


def _written(verdict: Verdict) -> frozenset[tuple[ActionKind, str, str]]:
    return frozenset(
        (
            action.kind,
            action.params.get("queue", action.params.get("team", "")),
            action.params.get("programme", ""),
        )
        for action in verdict.actions
        if writes(action)
    )


def writes(action: ActionSpec) -> bool:
    """Whether `action` changes who or what a lead is dealt with by, rather than bring its case before a person."""
    if action.kind in SILENT or action.kind is ActionKind.NOTIFY:
        return False
    return action.kind is not ActionKind.HANDOFF or action.params.get("queue") != _SUPPORT


def adds(verdict: Verdict, plain: Verdict) -> bool:
    """True if `verdict` lets something reach a person, unasked, that `plain` would not, or would elsewhere."""
    if verdict.kind is not VerdictKind.ACT:
        return False
    return not _outward(verdict) <= (_outward(plain) if plain.kind is VerdictKind.ACT else frozenset())


def loses(verdict: Verdict, plain: Verdict) -> bool:
    """True if something that would reach a person, or be put before one, in `plain` is not in `verdict`."""
    return not {kind for kind, _ in _outward(plain)} <= {kind for kind, _ in _outward(verdict)}


def _outward(verdict: Verdict) -> frozenset[tuple[ActionKind, frozenset[tuple[str, str]]]]:
    """What would reach a person, and where; what it says about the lead's wish is left out."""
    return frozenset(
        (action.kind, frozenset((n, v) for n, v in action.params.items() if n not in _TOLD))
        for action in verdict.actions
        if action.kind not in SILENT
    )


def as_careful_as(verdict: Verdict, earlier: Verdict, *, as_of: int) -> Verdict:
    """`verdict` with the wishes that made `earlier` more careful: for trying other tables on what was decided."""
    wish = Wish.ASK if earlier.kind is VerdictKind.ASK else Wish.HOLD
    for fired in earlier.rules:
        if fired.table == TABLE:
            verdict = more_careful(verdict, wish, code=fired.rule, why=fired.why, as_of=as_of)
        elif fired.table == WORDS:
            verdict = more_careful(
                verdict, Wish.ASK, code=fired.rule, why=fired.why, as_of=as_of, table=WORDS
            )
    return verdict
