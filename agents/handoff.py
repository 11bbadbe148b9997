"""Handoff: is this talk for a person, for which one, and what does the bot do meanwhile? Rules only.

In this order: a talk that a person has stays with the person and the bot is silent; a person who is asked for
comes; who is blocked, angry or leaving is never pitched; a buying interest goes to sales, unless the decision tables
forbid it or want a person asked; all else stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from domain.action import ActionKind, ActionSpec
from domain.effect import RETURNS, WITHOUT, StepKind
from domain.handing import Handing, beside
from domain.handoff import Brief, Evidence, Handoff, Heard, Message, Route, Situation, Step, Talk
from domain.instants import Instant, instant, iso
from domain.intent import BUYING, Intent
from domain.mood import Mood, Urgency
from domain.policy import Fact, FiredRow, listed
from domain.ports.policy import Policy
from domain.quoted import inert
from domain.sentences import PLAIN

SLOTS: Final = ("authority", "budget", "need", "product", "seats", "timeline", "vendor")
"""What a salesperson wants to know; those not said yet are open in the brief."""
LEAVING: Final = 300
"""Per mille from which the last turn says that the customer wants to leave: such a one is never pitched."""
_SHOWN: Final = 100
"""Per mille below which an intent is not worth showing."""

_TEAM: Final = {
    "buying": "A customer in a support talk shows a buying interest.",
    "person": "A customer asks for a person. This alone is not a sales lead.",
    "angry": "An angry customer shows a buying interest. Solve the problem first; do not sell.",
    "leaving": "A customer who wants to leave speaks of buying too. Ask what is wrong first; do not sell.",
    "unread": "The talk could not be read in time; a person should look at it.",
    "conflict": "The talk changed while it was being decided; a person should look at it.",
    "not_read": "This talk must not be read here; a person should look at it.",
    "refused": "A customer in a support talk shows a buying interest, and giving it to sales failed. Tell sales.",
    "policy": "A customer in a support talk shows a buying interest; by the rules of the house a person looks first.",
}
_DONE: Final = (
    "Sales is done with this conversation, and the customer wrote again. No buying interest is heard."
)
_CRM: Final = f"{StepKind.CREATE_TASK.value} {StepKind.NOTIFY.value}"
"""What only sales is told, outside the conversation."""
_HIGH: Final = "high"
"""Priority of a talk that the customer is in."""


def still_with_person(talk: Talk, seen: Situation) -> bool:
    """True if a person has the talk and has not closed it since it was given over."""
    if seen.done or talk.status == "with_person" or (seen.taken and talk.status != "closed"):
        return True
    if seen.handed_at is None:
        return False
    if talk.status == "closed":
        return len(talk.messages) <= seen.handed_at
    return not seen.released


def to_read(talk: Talk, seen: Situation) -> Sequence[Message]:
    """What counts: all of it, or after a person closed it what was said since it was handed over."""
    return talk.messages[seen.handed_at :] if seen.handed_at is not None else talk.messages


def reopened(talk: Talk, seen: Situation) -> Talk:
    """A talk whose person closed it is open when the customer writes again, though it still has that person's name.

    As soon as the person writes too, it is theirs again.
    """
    if talk.status != "with_person" or not seen.released:
        return talk
    if any(message.role == "agent" for message in to_read(talk, seen)):
        return talk
    return talk.model_copy(update={"status": "open"})


def decide(talk: Talk, heard: Heard, seen: Situation, policy: Policy | None = None) -> Handoff:
    """The answer to `talk` in the situation `seen`; a pure function. `policy` is asked where a lead is known.

    Raises: ConfigError if the tables read a fact that is not given.
    """
    answer = _allowed(talk, heard, seen, policy)
    if answer.decision is Step.HANDOFF and seen.refused:
        return _given(talk, heard, seen, (Step.ASK_PERSON, "refused"))
    return answer


def _allowed(talk: Talk, heard: Heard, seen: Situation, policy: Policy | None) -> Handoff:
    answer = _decided(talk, heard, seen)
    if answer.decision is not Step.HANDOFF or policy is None or seen.facts is None:
        return answer
    facts = {**seen.facts, **_said(answer, heard)}
    forbidding = [row for row in policy.evaluate(facts, ("do_not_act",)) if _forbids(row)]
    if forbidding and heard.asks_for_person is None:
        return replace(_stays("policy", heard), rule=forbidding[0].rule)
    asking = [row for row in policy.evaluate(facts, ("approval",)) if row.outputs["decision"] == "ask"]
    if not forbidding and not asking:
        return answer
    asked = _given(talk, heard, seen, (Step.ASK_PERSON, "person" if forbidding else "policy"))
    return replace(asked, rule=(forbidding or asking)[0].rule)


def _said(answer: Handoff, heard: Heard) -> Mapping[str, Fact]:
    """Facts that only the talk gives. The answer rests on what was heard, not on the score."""
    wish = next((name for name, _ in answer.intents if name in BUYING), Intent.PURCHASE.value)
    return {
        "conversation": True,
        "wrote": True,
        "in_dealings": True,
        "outward": True,
        "degraded": answer.degraded is not None,
        "priority": _HIGH,
        "queue": "sales",
        "team": "sales",
        "nobody_free": False,
        "score_confidence": heard.probability,
        "top_intent": wish,
        "intent_confidence": heard.probability,
        "wish": wish,
        "wish_confidence": heard.probability,
        "wants_person": heard.asks_for_person is not None,
    }


def _forbids(row: FiredRow) -> bool:
    """A hold is for later; the customer is here now, so only what forbids for good counts."""
    return row.outputs["effect"] != "hold" and ActionKind.HANDOFF not in listed(row.outputs["allow"])


def action_of(answer: Handoff) -> ActionSpec | None:
    """What is to be done about the answer: codes, numbers and fixed sentences, never a customer's words."""
    route, brief = answer.route, answer.brief
    if answer.decision is not Step.HANDOFF or route is None or brief is None:
        return None
    said = {
        "queue": route.team,
        "owner": route.person,
        "priority": _HIGH,
        "intent": next((name for name, _ in answer.intents if name in BUYING), Intent.PURCHASE.value),
        "next_step": f"Take over the conversation ({route.path})",
        "title": "A support talk with a buying interest",
        "due": None if route.at is None else iso(Instant(route.at)),
        "note": _note(answer.probability, brief, answer.mood),
    }
    return ActionSpec(ActionKind.HANDOFF, {name: value for name, value in said.items() if value is not None})


def goes_back(answer: Handoff, seen: Situation) -> bool:
    """True if sales is done with a talk that goes on: it returns to support, and the bot may speak."""
    return answer.decision is Step.STAY and answer.bot_may_speak and seen.released and seen.team == "sales"


def desk_action_of(answer: Handoff, talk: Talk, seen: Situation, *, tells: bool) -> ActionSpec | None:
    """What is to be done in the desk itself: beside a handing over to sales, a person in support is asked for.

    Where sales has the customer in another conversation, this one goes there too; who has it is not told again.
    `held` is whose name stood at it when it was decided: another's is news. With `tells` the customer is told too:
    `heard` is when the last message was written that the decision knew, so what a person wrote since is news.
    """
    action, route = action_of(answer), answer.route
    if action is None and answer.decision is Step.ASK_PERSON and route is not None:
        at = f" at {iso(Instant(route.at))}" if route.at is not None else ""
        action = _to_support(answer.tell_team or "", f"Answer the customer ({route.path}{at})", _HIGH)
    elif goes_back(answer, seen):
        action = _to_support(_DONE, "Go on with the conversation", None, {RETURNS: "yes"})
    if action is None:
        return None
    elsewhere = beside(seen.handings, talk.conversation_id)
    if elsewhere is not None and answer.decision is Step.HANDOFF:
        action = _joined(action, elsewhere)
    said = dict(action.params) | {"talk": talk.conversation_id, "held": talk.person or ""}
    if tells and answer.tell_customer:
        said |= {"tell": answer.tell_customer, "heard": iso(instant(talk.messages[-1].at))}
    if route is not None and route.path != "now":
        missing = "Unless it stands below, tell" if tells else "Tell"
        said["next_step"] += f". {missing} the customer: {answer.tell_customer}"
    return ActionSpec(action.kind, said)


def _joined(action: ActionSpec, elsewhere: Handing) -> ActionSpec:
    """The conversation, and a note in it, to who has the other one; there is a task already."""
    where = f" in the conversation {elsewhere.place}" if elsewhere.place else ""
    note = f"Sales has this customer already{where}. {action.params['note']}"
    return ActionSpec(action.kind, {**action.params, "note": note, WITHOUT: _CRM})


def _to_support(
    note: str, next_step: str, priority: str | None, more: Mapping[str, str] | None = None
) -> ActionSpec:
    """The conversation, and a note in it, but no task of sales."""
    said = {
        "queue": "support",
        "owner": "",
        "priority": priority,
        "note": note,
        "next_step": next_step,
        WITHOUT: _CRM,
        **(more or {}),
    }
    return ActionSpec(ActionKind.HANDOFF, {name: value for name, value in said.items() if value is not None})


def _note(probability: int, brief: Brief, mood: Mood) -> str:
    known = ", ".join(f"{slot.name} {inert(slot.value)}" for slot in brief.known) or "nothing yet"
    return (
        f"Buying interest {probability / 10:.0f} %. Known: {known}. Still open: {', '.join(brief.open) or 'nothing'}. "
        f"Mood {brief.mood}, {mood.sentiment.value}, urgency {mood.urgency.value}{_why(mood)}."
    )


def _why(mood: Mood) -> str:
    return f" ({mood.why})" if mood.urgency is not Urgency.NORMAL else ""


def _decided(talk: Talk, heard: Heard, seen: Situation) -> Handoff:
    if still_with_person(talk, seen):
        return silent(heard.reasoner)
    if heard.asks_for_person is not None:
        leaves = heard.likely.get(Intent.CHURN, 0) >= LEAVING
        wants_sales = heard.interested and heard.angry is None and not seen.blocked and not leaves
        step = Step.HANDOFF if wants_sales else Step.ASK_PERSON
        return _given(talk, heard, seen, (step, "person"))
    if not heard.interested:
        return _stays("no_interest", heard)
    if seen.blocked:
        return _stays("blocked", heard)
    if heard.angry is not None:
        return _given(talk, heard, seen, (Step.ASK_PERSON, "angry"))
    if heard.likely.get(Intent.CHURN, 0) >= LEAVING:
        return _given(talk, heard, seen, (Step.ASK_PERSON, "leaving"))
    return _given(talk, heard, seen, (Step.HANDOFF, "buying"))


def fallback(seen: Situation, *, why: str, degraded: str) -> Handoff:
    """Nothing could be made of the talk: a person looks, nothing is claimed about the customer."""
    route = _route(seen, sales=False)
    return Handoff(
        Step.ASK_PERSON, why, 0, (), route, None, (), bot_may_speak=False,
        tell_customer=_told(route, seen), tell_team=_TEAM[why], reasoner="none", degraded=degraded,
    )  # fmt: skip


def silent(reasoner: str) -> Handoff:
    """A person has it: nothing is done and the bot says nothing."""
    return Handoff(
        Step.STAY, "with_person", 0, (), None, None, (), bot_may_speak=False,
        tell_customer=None, tell_team=None, reasoner=reasoner,
    )  # fmt: skip


def _stays(why: str, heard: Heard) -> Handoff:
    return Handoff(
        Step.STAY, why, heard.probability, _intents(heard), None, None, (), bot_may_speak=True,
        tell_customer=None, tell_team=None, reasoner=heard.reasoner, mood=heard.mood,
    )  # fmt: skip


def _given(talk: Talk, heard: Heard, seen: Situation, step: tuple[Step, str]) -> Handoff:
    decision, why = step
    route = _route(seen, sales=decision is Step.HANDOFF)
    places = {heard.asks_for_person, heard.angry, heard.turn if heard.interested else None} - {None}
    messages = to_read(talk, seen)
    quoted = [messages[place] for place in sorted(place for place in places if place is not None)]
    return Handoff(
        decision, why, heard.probability, _intents(heard), route, _brief(heard, messages),
        tuple(Evidence(message.id, inert(message.text)) for message in quoted), bot_may_speak=False,
        tell_customer=_told(route, seen), tell_team=_TEAM[why if decision is Step.ASK_PERSON else "buying"],
        reasoner=heard.reasoner, mood=heard.mood,
    )  # fmt: skip


def _route(seen: Situation, *, sales: bool) -> Route:
    """Support keeps no list of people here, so only opening hours are known of it."""
    if seen.opens_at is not None:
        return Route(
            "sales" if sales else "support", "callback", seen.owner if sales else None, seen.opens_at
        )
    if not sales:
        return Route("support", "now")
    if seen.free is None and seen.listed:
        return Route("sales", "ticket", seen.owner)
    return Route("sales", "now", seen.free)


def _told(route: Route, seen: Situation) -> str:
    """What the customer is told: a fixed sentence, as it was configured when the talk was read."""
    return (seen.sentences or PLAIN)[route.path]


def _brief(heard: Heard, messages: Sequence[Message]) -> Brief:
    said = {slot.name for slot in heard.slots}
    texts = {message.id: message.text for message in messages}
    return Brief(
        known=heard.slots,
        open=tuple(name for name in SLOTS if name not in said),
        mood="angry" if heard.angry is not None else "calm",
        urgent=heard.mood.urgency is Urgency.HIGH,
        said=tuple(
            Evidence(one.ref, inert(texts.get(one.ref, "")[one.start : one.end])) for one in heard.slots
        ),
    )


def _intents(heard: Heard) -> tuple[tuple[str, int], ...]:
    found = [(name, level) for name, level in heard.likely.items() if level >= _SHOWN]
    return tuple(sorted(found, key=lambda one: (-one[1], one[0])))
