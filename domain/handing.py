"""What became of giving a conversation to a person, and which handings over of a lead are open. Rules only."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.action import UNSENT, ActionState
from domain.attempt import begun
from domain.effect import StepKind, StepState
from domain.ports.outbox import OutboxRow
from domain.recheck import Rule

SALES: Final = "sales"
TALK: Final = "talk"
"""The parameter that names the conversation which a desk's handing over is about."""
BY_TALK: Final = "ho_"
"""How the run of a decision about a conversation begins."""
PERSON_HAS_IT: Final = "taken"
"""Why a handing over expires whose conversation a person has, by the desk's word."""
_PERSON: Final = frozenset({Rule.OWNER_CHANGED.value, Rule.HUMAN_TOUCH.value, PERSON_HAS_IT})


class Fate(StrEnum):
    """What became of the action by which a conversation was last given to a person."""

    ON_WAY = "on_way"
    """It is to be sent, is being sent, or is being taken back."""
    THERE = "there"
    UNSURE = "unsure"
    """It may be there; a person looks."""
    TAKEN = "taken"
    """It was not done, as a person was at work on the record."""
    CLOSED = "closed"
    """It was not done, as a person had closed the conversation."""
    UNDONE = "undone"
    """A person had it taken back."""
    LOST = "lost"
    """It was not done: by it, nobody has the conversation."""


class Stage(StrEnum):
    """How far a handing over of a lead is, as another conversation of the same lead needs to know it."""

    WAITS = "waits"
    """A run proposed it, and nothing of it has left."""
    MOVING = "moving"
    """A run's is being sent, and which conversation it takes is not known yet."""
    OPEN = "open"
    """A person has the lead by it, or is about to."""
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Given:
    """The action by which a conversation was last given to a person."""

    action_id: str
    fate: Fate
    ended_at: int | None
    """Instant at which it came to its end."""
    team: str


@dataclass(frozen=True, slots=True)
class Handing:
    """One handing over of a lead that has not expired."""

    action_id: str
    stage: Stage
    episode: int
    """Of its effect key."""
    keeps: bool
    """Whether it keeps others of its effect key out."""
    team: str
    owner: str
    """Who has the lead by it; empty: whoever is in the queue."""
    place: str | None
    """The conversation, as we name it or as the target does; None: not known."""

    def is_in(self, conversation: str) -> bool:
        """Whether it is about this conversation, ``<desk>:<id>``."""
        return self.place is not None and conversation in (self.place, f"{_desk(conversation)}:{self.place}")


def fate_of(row: OutboxRow) -> Fate:
    """What became of an action that hands a conversation over."""
    match row.state:
        case ActionState.DONE:
            return Fate.THERE
        case ActionState.UNKNOWN:
            return Fate.UNSURE
        case ActionState.COMPENSATED:
            return Fate.UNDONE
        case ActionState.EXPIRED if row.reason in _PERSON:
            return Fate.TAKEN
        case ActionState.EXPIRED if row.reason == Rule.CLOSED:
            return Fate.CLOSED
        case ActionState.EXPIRED | ActionState.FAILED | ActionState.REJECTED:
            return Fate.LOST
        case _:
            return Fate.ON_WAY


def given_of(row: OutboxRow) -> Given:
    """The action as the conversation that it gives to a person sees it."""
    return Given(row.action_id, fate_of(row), row.finished_at, row.params.get("queue", ""))


def handing_of(row: OutboxRow, *, released: Sequence[bool], keeps: bool) -> Handing:
    """A handing over as another conversation of its lead sees it.

    `released`: of each conversation that was last given to a person by it, whether that person is done.
    """
    return Handing(
        row.action_id,
        _stage(row, released),
        row.episode,
        keeps,
        row.params.get("queue", ""),
        row.params.get("owner", ""),
        _place(row),
    )


def open_of(others: Sequence[Handing]) -> Handing | None:
    """The handing over to sales that is open, or waits to be sent; of several one that is open."""
    alive = [one for one in others if one.team == SALES and one.stage is not Stage.OVER]
    return min(alive, key=lambda one: one.stage is Stage.WAITS, default=None)


def beside(others: Sequence[Handing], conversation: str) -> Handing | None:
    """The open handing over by which sales has the lead in another conversation than this one."""
    one = open_of(others)
    return None if one is None or one.stage is Stage.WAITS or one.is_in(conversation) else one


def episode_for(others: Sequence[Handing], *, followed: str | None, episode: int, now: int) -> int:
    """The last part of the effect key under which a lead is handed over to sales now.

    That of the lead's `episode`, unless one that is over has it: a new wish after the first was dealt with, or after
    it failed, is a new effect, as of `now`. What is open is pointed to by its own key; in another conversation of a
    desk that is `followed`, the handing over of that conversation is an effect of its own.
    """
    fresh, one = fresh_episode(others, now), open_of(others)
    if one is None:
        return fresh if any(old.keeps and old.episode == episode for old in others) else episode
    return fresh if followed is not None and beside(others, followed) is not None else one.episode


def fresh_episode(others: Sequence[Handing], now: int) -> int:
    """A last part of an effect key that no handing over of the lead has."""
    return max([now, *(one.episode + 1 for one in others)])


def _stage(row: OutboxRow, released: Sequence[bool]) -> Stage:
    fate, by_talk = fate_of(row), row.run_id.startswith(BY_TALK)
    if fate is Fate.ON_WAY and not by_talk:
        if row.state in UNSENT and not begun(row.steps):
            return Stage.WAITS
        return Stage.OPEN if _place(row) else Stage.MOVING
    if fate is Fate.ON_WAY:
        return Stage.OPEN
    if fate not in (Fate.THERE, Fate.UNSURE):
        return Stage.OVER
    given_anew = by_talk and not released
    return Stage.OVER if given_anew or (released and all(released)) else Stage.OPEN


def _place(row: OutboxRow) -> str | None:
    if TALK in row.params:
        return row.params[TALK]
    for one in row.steps:
        if one.step.kind is StepKind.HAND_OVER and one.state is StepState.DONE and one.receipt is not None:
            return one.receipt.ref or None
    return None


def _desk(conversation: str) -> str:
    return conversation.partition(":")[0]
