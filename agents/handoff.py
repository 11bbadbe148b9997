"""Handoff: is this talk for a person, for which one, and what does the bot do meanwhile? Rules only.

In this order: a talk that a person has stays with the person and the bot is silent; a person who is asked for
comes; who is blocked or angry is never pitched; a buying interest goes to sales; all else stays.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from domain.handoff import Brief, Evidence, Handoff, Heard, Message, Route, Situation, Step, Talk

SLOTS: Final = ("authority", "budget", "need", "product", "seats", "timeline", "vendor")
"""What a salesperson wants to know; those not said yet are open in the brief."""
LONGEST_QUOTE: Final = 200
_SHOWN: Final = 100
"""Per mille below which an intent is not worth showing."""
_SOON: Final = frozenset({"now", "this_week"})
_LINK: Final = re.compile(r"(?:[a-z][a-z0-9+.\-]*://|www\.)[^\s()]+", re.IGNORECASE)
_MARKUP: Final = re.compile(r"<[^>]{0,500}>|[<>`*_\[\]|]")

_CUSTOMER: Final = {
    "now": "I am handing you over to a colleague now; you will not have to repeat yourself.",
    "callback": "Nobody is here right now. A colleague will get back to you at the next open hour.",
    "ticket": "Everybody is busy right now. I have opened a ticket, and a colleague will get back to you.",
}
_TEAM: Final = {
    "buying": "A customer in a support talk shows a buying interest.",
    "person": "A customer asks for a person. This alone is not a sales lead.",
    "angry": "An angry customer shows a buying interest. Solve the problem first; do not sell.",
    "unread": "The talk could not be read in time; a person should look at it.",
    "conflict": "The talk changed while it was being decided; a person should look at it.",
}


def still_with_person(talk: Talk, seen: Situation) -> bool:
    """True if a person has the talk and has not closed it since it was given over."""
    if talk.status == "with_person":
        return True
    if seen.handed_at is None:
        return False
    return talk.status != "closed" or len(talk.messages) <= seen.handed_at


def to_read(talk: Talk, seen: Situation) -> Sequence[Message]:
    """What counts: all of it, or after a person closed it what was said since it was handed over."""
    return talk.messages[seen.handed_at :] if seen.handed_at is not None else talk.messages


def decide(talk: Talk, heard: Heard, seen: Situation) -> Handoff:
    """The answer to `talk` in the situation `seen`; a pure function."""
    if still_with_person(talk, seen):
        return silent(heard.reasoner)
    if heard.asks_for_person is not None:
        wants_sales = heard.interested and heard.angry is None and not seen.blocked
        step = Step.HANDOFF if wants_sales else Step.ASK_PERSON
        return _given(talk, heard, seen, (step, "person"))
    if not heard.interested:
        return _stays("no_interest", heard)
    if seen.blocked:
        return _stays("blocked", heard)
    if heard.angry is not None:
        return _given(talk, heard, seen, (Step.ASK_PERSON, "angry"))
    return _given(talk, heard, seen, (Step.HANDOFF, "buying"))


def fallback(seen: Situation, *, why: str, degraded: str) -> Handoff:
    """Nothing could be made of the talk: a person looks, nothing is claimed about the customer."""
    route = _route(seen, sales=False)
    return Handoff(
        Step.ASK_PERSON, why, 0, (), route, None, (), bot_may_speak=False,
        tell_customer=_CUSTOMER[route.path], tell_team=_TEAM[why], reasoner="none", degraded=degraded,
    )  # fmt: skip


def silent(reasoner: str) -> Handoff:
    """A person has it: nothing is done and the bot says nothing."""
    return Handoff(
        Step.STAY, "with_person", 0, (), None, None, (), bot_may_speak=False,
        tell_customer=None, tell_team=None, reasoner=reasoner,
    )  # fmt: skip


def inert(text: str) -> str:
    """`text` as a quote that does nothing: no control or invisible characters, links, markup; cut.

    >>> inert("see <b>http://x.example/a</b>" + chr(0x200b))
    'see link'
    """
    plain = unicodedata.normalize("NFKC", text)
    shown = "".join(one for one in plain if one in {" ", "\n"} or unicodedata.category(one)[0] != "C")
    words = " ".join(_MARKUP.sub(" ", _LINK.sub("link", _MARKUP.sub(" ", shown))).split())
    return words if len(words) <= LONGEST_QUOTE else words[: LONGEST_QUOTE - 1] + "…"


def _stays(why: str, heard: Heard) -> Handoff:
    return Handoff(
        Step.STAY, why, heard.probability, _intents(heard), None, None, (), bot_may_speak=True,
        tell_customer=None, tell_team=None, reasoner=heard.reasoner,
    )  # fmt: skip


def _given(talk: Talk, heard: Heard, seen: Situation, step: tuple[Step, str]) -> Handoff:
    decision, why = step
    route = _route(seen, sales=decision is Step.HANDOFF)
    places = {heard.asks_for_person, heard.angry, heard.turn if heard.interested else None} - {None}
    messages = to_read(talk, seen)
    quoted = [messages[place] for place in sorted(place for place in places if place is not None)]
    return Handoff(
        decision, why, heard.probability, _intents(heard), route, _brief(heard),
        tuple(Evidence(message.id, inert(message.text)) for message in quoted), bot_may_speak=False,
        tell_customer=_CUSTOMER[route.path], tell_team=_TEAM[why if decision is Step.ASK_PERSON else "buying"],
        reasoner=heard.reasoner,
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


def _brief(heard: Heard) -> Brief:
    said = {slot.name: slot.value for slot in heard.slots}
    return Brief(
        known=heard.slots,
        open=tuple(name for name in SLOTS if name not in said),
        mood="angry" if heard.angry is not None else "calm",
        urgent=said.get("timeline") in _SOON,
    )


def _intents(heard: Heard) -> tuple[tuple[str, int], ...]:
    found = [(name, level) for name, level in heard.likely.items() if level >= _SHOWN]
    return tuple(sorted(found, key=lambda one: (-one[1], one[0])))
