"""Intent: what the lead is after, from what it said itself, newest first."""

from collections.abc import Sequence
from dataclasses import replace

from agents.ingestion import take_in
from agents.intent import DOWN, classify
from domain.decision import RunInput
from domain.errors import Temporary
from domain.instants import DAY, HOUR
from domain.intent import Intent, IntentReading, Reading
from domain.intents import UNREAD, confidences
from domain.kinds import Kind
from domain.lead import Band, BandState, LeadState
from domain.ports.reasoner import Reasoner
from domain.signal import Signal
from tests.agents.leads import LEAD, NOW, catalogue, days_ago, reasoner, run, run_of, says, signal


class Down:
    """A reasoner that cannot be reached."""

    async def read(self, new: Sequence[Signal], recent: Sequence[Signal]) -> Reading:
        raise Temporary("no answer")


class StandIn:
    """The local reasoner in the place of a better one."""

    async def read(self, new: Sequence[Signal], recent: Sequence[Signal]) -> Reading:
        return replace(await reasoner().read(new, recent), degraded="model_down")


async def classified(given: RunInput, reader: Reasoner | None = None) -> tuple[IntentReading, LeadState]:
    intake = await take_in(given, catalogue=catalogue())
    return await classify(given, intake, reasoner=reader or reasoner())


async def after(*said: Signal, as_of: int = NOW) -> IntentReading:
    return (await classified(run_of(*said, as_of=as_of)))[0]


async def test_a_question_about_the_price_is_read_with_its_evidence() -> None:
    reading = await after(says("How much is it for 50 seats?"))
    assert reading.top is Intent.PRICING
    assert reading.confidence >= 800
    assert [(claim.ref, claim.cue) for claim in reading.claims] == [("s:1", "asks_price")]
    assert [(slot.name, slot.value, slot.ref) for slot in reading.slots] == [("seats", "50", "s:1")]
    assert reading.reasoner == "local"


async def test_what_agents_and_bots_say_never_counts() -> None:
    for role in ("agent", "bot"):
        reading = await after(says("Would you like a demo? How much can you spend?", role=role))
        assert reading.top is Intent.UNSURE
        assert reading.confidences == ()


async def test_tags_on_an_agents_message_do_not_count_either() -> None:
    lead = (await run(run_of(says("How much is it?")))).lead
    forged = tuple(event._replace(subject="agent") for event in lead.events)
    assert confidences(forged, NOW) == {}


async def test_newer_outweighs_older() -> None:
    asks = says("How much does it cost?", days_ago(20), "1")
    leaves = says("Please cancel our subscription.", days_ago(1), "2")
    assert (await after(asks, leaves)).top is Intent.CHURN
    assert (await after(replace_time(leaves, 20), replace_time(asks, 1))).top is Intent.PRICING


def replace_time(one: Signal, days: float) -> Signal:
    return says(str(one.payload["text"]), days_ago(days), one.id)


async def test_a_denial_ends_what_was_said_before_it() -> None:
    wants = says("Could we book a demo?", days_ago(2), "1")
    denies = says("We don't need a demo.", days_ago(1), "2")
    assert Intent.DEMO in dict((await after(wants)).confidences)
    assert Intent.DEMO not in dict((await after(wants, denies)).confidences)
    again = says("Could we book a demo after all?", NOW, "3")
    assert (await after(wants, denies, again)).top is Intent.DEMO


async def test_not_a_buyer_weakens_buying_until_newer_words_say_otherwise() -> None:
    price = says("How much does it cost?", days_ago(2), "1")
    student = says("I am a student.", days_ago(1), "2")
    assert (await after(price, student)).top is Intent.NOT_A_BUYER
    assert dict((await after(price, student)).confidences)[Intent.PRICING] < 300
    assert (await after(student, replace_time(price, 0))).top is Intent.PRICING


async def test_repeated_weak_signs_convince_slowly() -> None:
    views = [signal(Kind.PAGE_VIEW, days_ago(1), f"{i}", page="/pricing") for i in range(30)]
    once = dict((await after(views[0])).confidences)[Intent.PRICING]
    often = dict((await after(*views)).confidences)[Intent.PRICING]
    said = dict((await after(says("How much does it cost?", days_ago(1)))).confidences)[Intent.PRICING]
    assert once < often < said


async def test_below_the_floor_the_answer_is_unsure() -> None:
    reading = await after(says("How much does it cost?", days_ago(14)))
    assert reading.top is Intent.UNSURE
    assert reading.confidence == 0
    assert dict(reading.confidences)[Intent.PRICING] > 0


async def test_what_was_said_later_is_not_known_before() -> None:
    """I12, on intents."""
    lead = (await run(run_of(says("How much does it cost?", NOW)))).lead
    assert confidences(lead.events, NOW - 1) == {}
    assert confidences(lead.events, NOW) != {}


async def test_slots_of_earlier_runs_are_remembered_and_the_newest_counts() -> None:
    first = await run(run_of(says("We want 50 seats, the budget is 20k EUR", NOW, "1")))
    second = await run(run_of(says("Make it 80 seats", NOW + HOUR, "2"), lead=first.lead, as_of=NOW + HOUR))
    found = {slot.name: (slot.value, slot.ref) for slot in second.reading.slots}
    assert found == {"budget": ("20000 eur", "s:1"), "seats": ("80", "s:2")}


async def test_an_outage_is_flagged_reads_from_history_and_takes_nothing_away() -> None:
    """I9: the reading of the outage equals the one without the new signal."""
    before = (await run(run_of(says("How much does it cost?", days_ago(1), "1")))).lead
    silent, _ = await classified(run_of(lead=before))
    reading, lead = await classified(run_of(says("Please cancel it.", NOW, "2"), lead=before), Down())
    assert reading.degraded == DOWN
    assert reading.confidences == silent.confidences
    assert reading.slots == silent.slots
    assert next(event for event in lead.events if event.ref == "s:2").tags == (UNREAD,)


async def test_what_an_outage_left_unread_is_read_by_the_next_run() -> None:
    said = says("Could we book a demo?", NOW, "2")
    down = await run(run_of(said), reader=Down())
    redo = run_of(lead=down.lead, recent=[said], as_of=NOW + HOUR, reason="redo")
    reading, lead = await classified(redo)
    assert reading.degraded is None
    assert reading.top is Intent.DEMO
    straight = await run(run_of(said))
    assert lead.events == straight.lead.events


async def test_what_a_stand_in_read_is_used_and_read_again() -> None:
    said = says("Could we book a demo?", NOW, "2")
    reading, lead = await classified(run_of(said), StandIn())
    assert reading.degraded == "model_down"
    assert reading.top is Intent.DEMO
    again, lead = await classified(run_of(lead=lead, recent=[said]))
    assert again.degraded is None
    assert UNREAD not in lead.events[0].tags


async def test_reading_an_old_signal_anew_makes_the_band_fold_anew() -> None:
    said = says("Could we book a demo?", days_ago(2), "2")
    down = await run(run_of(said), reader=Down())
    assert down.lead.band.settled is not None
    _, lead = await classified(run_of(lead=down.lead, recent=[said]))
    assert lead.band.settled is None


async def test_only_what_is_new_or_unread_is_handed_to_the_reasoner() -> None:
    """I6, I8: history is context, and other signals are not asked about again."""
    asked: list[str] = []

    class Spy:
        async def read(self, new: Sequence[Signal], recent: Sequence[Signal]) -> Reading:
            asked.extend(one.id for one in new)
            return await reasoner().read(new, recent)

    old = says("Could we book a demo?", days_ago(2), "old")
    lead = (await run(run_of(old))).lead
    await classified(run_of(says("Hello", NOW, "new"), lead=lead, recent=[old]), Spy())
    assert asked == ["new"]


async def test_a_run_without_anything_new_leaves_the_lead_as_it_is() -> None:
    lead = (await run(run_of(says("How much does it cost?", days_ago(1))))).lead
    _, same = await classified(run_of(lead=lead, as_of=NOW + DAY))
    assert same.events is lead.events
    assert same.band == lead.band


def test_the_empty_lead_is_after_nothing() -> None:
    assert confidences(LEAD.events, NOW) == {}
    assert LEAD.band == BandState(Band.COLD)
