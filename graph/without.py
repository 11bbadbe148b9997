"""The same case without a model, and without words: what only they raised comes before a person.

So no text, and no model that obeys a text, writes anything by itself (decision 0024).
"""

from dataclasses import replace
from typing import Final

from agents.policy import review
from agents.scoring import assess
from domain.careful import WORDS, WORDS_ALONE, Wish, adds, loses, more_careful, raised_by_words, writes
from domain.consent import Lawful
from domain.decision import RunInput
from domain.intent import IntentReading
from domain.intents import heard_locally
from domain.nudge import nudged, without_model
from domain.policy import Verdict, VerdictKind
from domain.wordless import heard_without_words, unspoken, without_words
from graph.deps import Deps
from graph.state import RunState

_WORDS_ALONE: Final = "Only what the lead wrote speaks for this."


async def against_plain(state: RunState, deps: Deps, verdict: Verdict) -> Verdict:
    """A person is asked where a model's reading would let something out unasked, or drop something."""
    given, lead = state["given"], nudged(state["lead"], state.get("nudges", {}))
    bare = without_model(lead)
    if bare is lead:
        return verdict
    heard = heard_locally(state["reading"], Lawful(lead.events).of(given.as_of), given.as_of)
    alone = await _alone(state, deps, replace(given, lead=bare), heard)
    if loses(verdict, alone):
        why = "A language model reads this otherwise than the local reader."
        return more_careful(alone, Wish.ASK, code="read_otherwise", why=why, as_of=given.as_of)
    if adds(verdict, alone):
        why = "Only what a language model read speaks for this."
        return more_careful(verdict, Wish.ASK, code="read_by_model", why=why, as_of=given.as_of)
    return verdict


async def against_silent(state: RunState, deps: Deps, verdict: Verdict) -> Verdict:
    """A person is asked where words alone would write something; asked of those cases alone in which it may be so."""
    if verdict.kind is not VerdictKind.ACT or not any(map(writes, verdict.actions)):
        return verdict
    given, lead = state["given"], nudged(state["lead"], state.get("nudges", {}))
    mute = without_words(lead)
    if mute is lead:
        return verdict
    heard = heard_without_words(state["reading"], Lawful(mute.events).of(given.as_of), given.as_of)
    alone = await _alone(state, deps, unspoken(given, mute), heard)
    if not raised_by_words(verdict, alone):
        return verdict
    return more_careful(verdict, Wish.ASK, code=WORDS_ALONE, why=_WORDS_ALONE, as_of=given.as_of, table=WORDS)


async def _alone(state: RunState, deps: Deps, given: RunInput, heard: IntentReading) -> Verdict:
    """What would be decided about the lead in `given`, heard so."""
    intake, scorer = state["intake"], deps.scorer_of(given.scorer)
    plain = await assess(given, intake, heard, given.lead, scorer=scorer, catalogue=deps.catalogue)
    return await review(
        given,
        features=intake.features,
        reading=heard,
        score=plain.score,
        band=plain.band,
        previous=state["given"].lead.band,
        policy=deps.policy,
    )
