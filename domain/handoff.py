"""A support talk on its way to a person: the talk, what was heard in it, who is there, and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, Strict, StrictBool, model_validator

from domain.handing import Fate, Given, Handing, Stage
from domain.instants import Instant, iso
from domain.intent import Slot
from domain.mood import PLAIN, Mood

MOST_MESSAGES = 500
MOST_TEXT = 20_000
ReferenceText = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:\-]{1,128}$")]
"""An id of the desk's: no address, no words."""


class Message(BaseModel):
    """One message of a talk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: ReferenceText
    role: Literal["customer", "agent", "bot"]
    """`agent` is a person of the desk."""
    text: Annotated[str, Field(max_length=MOST_TEXT)]
    at: Annotated[AwareDatetime, Strict()]


class Talk(BaseModel):
    """A conversation so far, oldest message first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    conversation_id: ReferenceText
    lead: Annotated[str, Field(max_length=320)] | None = None
    """Id or any key of the lead; else it is looked up by the conversation."""
    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=MOST_MESSAGES)]
    status: Literal["open", "with_person", "closed"] = "open"
    """The desk's word: `with_person` means that a person took it over, `closed` that the person is done with it."""
    with_bot: StrictBool = False
    """The desk's word that its bot answers there, as it is neither with a person nor in a team's queue."""
    blocked: StrictBool = False
    """The desk's word that this customer must not be approached."""
    person: Annotated[str, Field(max_length=128)] | None = None
    """Whose name the desk shows at it."""
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}$")] | None = None
    """The customer's, as the desk knows it: a code such as ``de`` or ``pt-BR``."""

    @model_validator(mode="after")
    def _once(self) -> "Talk":
        if len({message.id for message in self.messages}) != len(self.messages):
            raise ValueError("two messages have one id")
        return self


@dataclass(frozen=True, slots=True)
class Heard:
    """What was read in the customer's own turns. Per mille; places are indexes into the messages read."""

    probability: int
    interested: bool
    """True from the reader's threshold."""
    turn: int | None
    """The turn that speaks for buying most."""
    likely: Mapping[str, int]
    """Of each intent, in the last customer turn."""
    slots: tuple[Slot, ...]
    """Newest value of each, of needs, products and objections all values; `ref` is the message's id."""
    asks_for_person: int | None
    """The turn in which a person was asked for, and no person has answered since."""
    angry: int | None
    """The newest turn in which the customer is angry, of the last few."""
    reasoner: str
    mood: Mood = PLAIN
    """Of the last few customer turns."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything but the words, read at one moment. Equal values mean that nothing has changed."""

    blocked: bool
    """By the desk, or as a privacy deletion was received."""
    handed_at: int | None
    """Messages the talk had when it was last given to a person; None = never."""
    decided: int
    """Decisions made about this talk before."""
    owner: str | None
    """The salesperson whose lead it is."""
    free: str | None
    """The salesperson on shift who is next; None if nobody has room."""
    listed: bool
    """True if salespeople are listed here at all; else whoever is in the team's queue takes it."""
    opens_at: int | None
    """Instant of the next open hour if it is closed now."""
    version: int = 0
    """Of the conversation's standing: what the answer is committed against."""
    taken: bool = False
    """A person of the desk has it, and has not said that it is done."""
    released: bool = False
    """The person it was last given to is done with it."""
    forgotten: bool = False
    """The customer asked to be deleted: the talk is not read."""
    lead_id: str | None = None
    facts: Mapping[str, int | str | bool | None] | None = None
    """What the decision tables may know of the lead; None: no lead is known."""
    policy: str = ""
    """Version of the decision tables."""
    team: str | None = None
    """Whom it was given to last."""
    done: bool = False
    """A person closed it: nothing is decided, and what was said until now is not read again."""
    sentences: Mapping[str, str] | None = None
    """What the customer is told, by path; None: what is built in."""
    given: Given | None = None
    """The action by which it was last given to a person; None: none was."""
    refused: bool = False
    """It was given to sales, and nobody there has it: that failed."""
    others: tuple[Handing, ...] = ()
    """The lead's handings over that have not expired, newest first, as they are kept."""

    @property
    def handings(self) -> tuple[Handing, ...]:
        """`others` in the light of how the talk stands: the one by which it was given ended with it, if it came."""
        given = self.given
        over = given.action_id if given and self.released and given.fate is not Fate.ON_WAY else ""
        return tuple(replace(one, stage=Stage.OVER) if one.action_id == over else one for one in self.others)


class Step(StrEnum):
    """What is to be done with the talk."""

    HANDOFF = "handoff"
    STAY = "stay"
    ASK_PERSON = "ask_person"


@dataclass(frozen=True, slots=True)
class Route:
    """Where it goes. `path` is ``now``, ``callback`` (at the Instant `at`) or ``ticket`` (as soon as there is room)."""

    team: Literal["sales", "support"]
    path: Literal["now", "callback", "ticket"]
    person: str | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The customer's own words, cleaned: inert text for a person's eyes."""

    message_id: str
    quote: str


@dataclass(frozen=True, slots=True)
class Brief:
    """What a person needs so as not to ask again. `open` are the slots that are still unknown."""

    known: tuple[Slot, ...]
    open: tuple[str, ...]
    mood: str
    """``angry`` or ``calm``."""
    urgent: bool
    said: tuple[Evidence, ...] = ()
    """The words behind each of `known`, in its order."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """The answer. `why` is a code; sentences are fixed texts, never a customer's words."""

    decision: Step
    why: str
    probability: int
    """Per mille."""
    intents: tuple[tuple[str, int], ...]
    route: Route | None
    brief: Brief | None
    evidence: tuple[Evidence, ...]
    bot_may_speak: bool
    tell_customer: str | None
    tell_team: str | None
    reasoner: str
    degraded: str | None = None
    """Code of what was missing, if the answer is a fallback."""
    run_id: str = field(default="")
    rule: str | None = None
    """The row of the decision tables that kept it from sales."""
    action: str | None = None
    """Id of the action that hands it over; None: nothing is sent."""
    already: bool = False
    """The action was on its way, or done, before."""
    mood: Mood = PLAIN
    """Heard in the last few customer turns."""


def as_document(answer: Handoff) -> dict[str, Any]:
    """The answer as the contract writes it: probabilities 0..1, times RFC 3339."""
    route, brief = answer.route, answer.brief
    return {
        "decision": answer.decision.value,
        "why": answer.why,
        "probability": answer.probability / 1_000,
        "intent": {name: level / 1_000 for name, level in answer.intents},
        "route": route
        and {
            "team": route.team,
            "path": route.path,
            "person": route.person,
            "at": None if route.at is None else iso(Instant(route.at)),
        },
        "brief": brief
        and {
            "known": known_document(brief),
            "open": list(brief.open),
            "mood": brief.mood,
            "urgent": brief.urgent,
        },
        "sentiment": {"value": answer.mood.sentiment.value, "confidence": answer.mood.confidence / 1_000},
        "urgency": {"value": answer.mood.urgency.value, "why": answer.mood.why},
        "evidence": [{"message_id": one.message_id, "quote": one.quote} for one in answer.evidence],
        "bot_may_speak": answer.bot_may_speak,
        "tell_customer": answer.tell_customer,
        "tell_team": answer.tell_team,
        "reasoner": answer.reasoner,
        "degraded": answer.degraded,
        "rule": answer.rule,
        "action": answer.action and {"id": answer.action, "already_open": answer.already},
        "run_id": answer.run_id,
    }


def known_document(brief: Brief) -> list[dict[str, Any]]:
    """What is known, each with its message, its offsets in it, and the words there."""
    quotes: list[str | None] = [one.quote for one in brief.said] or [None for _ in brief.known]
    return [
        {
            "name": one.name,
            "value": one.value,
            "message_id": one.ref,
            "start": one.start,
            "end": one.end,
            "quote": quote,
        }
        for one, quote in zip(brief.known, quotes, strict=True)
    ]
