"""Intent: what is this lead after, and how sure are we?

The reasoner reads single signals; what it reads is kept with the lead's events. What the lead as a whole is
after follows from those events and the time alone (`domain.intents`): the same in a replay, and in any order.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from domain.consent import Lawful
from domain.decision import RunInput
from domain.errors import Temporary
from domain.intake import Intake
from domain.intent import IntentReading, Reading
from domain.intents import UNREAD, confidences, mood_at, ranked, slots_of, tags_for, top_of, with_tags
from domain.lead import LeadState
from domain.mood import PLAIN, Mood
from domain.ports.reasoner import Reasoner
from domain.signal import Signal

DOWN: Final = "reasoner_down"
"""Code of a reading made from history alone, as the reasoner could not be reached. It is to be redone."""
_NOBODY: Final = Reading((), (), "none", "", DOWN)


async def classify(given: RunInput, intake: Intake, *, reasoner: Reasoner) -> tuple[IntentReading, LeadState]:
    """The lead's intents as of the run, and the lead with what was read kept in its events.

    An outage of the reasoner is no verdict: history speaks alone, the answer says so (`degraded`), and the
    signals are marked to be read by the next run that has them at hand.
    """
    lead = intake.lead
    asked = (*intake.accepted, *_left_unread(given, lead))
    try:
        read = await reasoner.read(asked, given.recent)
    except Temporary:
        read = _NOBODY
    lead = with_tags(lead, _tags(asked, read))
    usable = Lawful(lead.events).of(given.as_of)
    found = confidences(usable, given.as_of)
    top, confidence = top_of(found)
    reading = IntentReading(
        confidences=ranked(found),
        top=top,
        confidence=confidence,
        claims=read.claims,
        slots=slots_of(usable, given.as_of),
        reasoner=read.reasoner,
        version=read.version,
        degraded=read.degraded,
        mood=mood_at(usable, given.as_of),
    )
    return reading, lead


def _left_unread(given: RunInput, lead: LeadState) -> list[Signal]:
    """Earlier signals at hand that no reader, or only a stand-in, has read."""
    if not given.recent:
        return []
    new = {signal.signal_id for signal in given.new}
    unread = {event.ref for event in lead.events if event.tags and UNREAD in event.tags}
    return [s for s in given.recent if s.signal_id in unread and s.signal_id not in new]


def _tags(asked: Sequence[Signal], read: Reading) -> dict[str, tuple[str, ...]]:
    """What is to be kept of each signal, by its ref."""
    moods = dict(read.moods)
    spoken = {claim.ref for claim in read.claims} | {slot.ref for slot in read.slots} | moods.keys()
    mark = (UNREAD,) if read.degraded else ()
    refs = [signal.signal_id for signal in asked]
    return {ref: _tagged(read, ref, mark, moods) if ref in spoken else mark for ref in refs}


def _tagged(read: Reading, ref: str, mark: tuple[str, ...], moods: Mapping[str, Mood]) -> tuple[str, ...]:
    return tuple(sorted((*mark, *tags_for(read.claims, read.slots, ref, moods.get(ref, PLAIN)))))
