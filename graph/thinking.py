"""What nodes do with a language model, where there is one: ask it if the table says so, take no more than it may give.

The line that no answer crosses is in `graph.without`: what a model read may bring a case before a person. If it would
let something reach somebody unasked that the case without the model would not, or would drop what that case proposes, a
person is asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from agents import doubting, drafting, reading, weighing
from domain.asking import Asked
from domain.careful import more_careful
from domain.cited import shown
from domain.consent import Lawful
from domain.intent import Reading
from domain.intents import heard_locally
from domain.model import LEAD_ACCOUNT, LEAD_REGION
from domain.nudge import BOUND, Tags
from domain.policy import FiredRow, Verdict
from domain.ports.scorer import Scorer
from domain.quoted import Quoted
from domain.signal import Signal
from domain.stakes import facts_for, worth_reading
from graph.deps import NO_THOUGHT, Deps, Mind, Thought
from graph.state import RunState
from graph.without import against_plain, against_silent

TABLE: Final = "model"
REDO: Final = "redo"
"""Reason of a run that is made again because something was missing."""
MOST_QUOTES: Final = 6
DRAFT: Final = "Draft of a "
"""How the sentence of the rationale begins that holds a draft."""


def thought(asked: Asked[Any], words: tuple[str, ...] = ()) -> Thought:
    """For the audit row and the record."""
    failed = asked.code if asked.failed else ""
    return Thought(asked.detail(), asked.kept, failed, again=bool(failed) and asked.again, words=words)


class Reader:
    """A `Reasoner` for one run: the local reader, and where it is unsure or much is at stake a model after it."""

    def __init__(self, state: RunState, deps: Deps, mind: Mind) -> None:
        """For the lead in `state`. Raises: Temporary if its scorer is not to be had."""
        self._state, self._deps, self._mind = state, deps, mind
        self._scorer = deps.scorer_of(state["given"].scorer)
        self.quotes: tuple[Quoted, ...] = ()
        self.thought = NO_THOUGHT

    async def read(self, new: Sequence[Signal], recent: Sequence[Signal]) -> Reading:
        """The local reading, with what the model adds. Raises: Temporary (the local reader)."""
        local = await self._deps.reasoner.read(new, recent)
        given, intake = self._state["given"], self._state["intake"]
        texts = worth_reading(new)
        self.quotes = _quotes((), texts)
        likely = dict(given.lead.reading)
        for claim in local.claims:
            likely[claim.intent.value] = max(claim.confidence, likely.get(claim.intent.value, 0))
        rule = _rule(
            self._state, self._deps, "intent", scorer=self._scorer, texts=texts, said=(local, likely)
        )
        if rule is None or rule.outputs["call"] != "ask" or not texts:
            self.thought = thought(Asked(rule=_name(rule)))
            return local
        seen = shown(intake.lead, given.as_of, texts, _recalled(self._state))
        found, quotes, asked = await reading.read(
            intake.lead,
            local,
            tuple(text.signal_id for text in texts),
            seen,
            model=self._mind.model,
            prompt=self._mind.prompts["intent"],
            mark=self._mind.mark,
            rule=rule,
        )
        self.quotes, self.thought = _quotes(quotes, texts), thought(asked)
        return found


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a model's reasons do to a score: tags for events, within a bound in thousandths of log-odds."""

    tags: Tags = field(default_factory=dict)
    bound: int = BOUND
    thought: Thought = NO_THOUGHT


UNWEIGHED: Final = Weighed()


async def weigh(state: RunState, deps: Deps, mind: Mind) -> Weighed:
    """The reasons that a model finds in the new texts, if it is to be asked."""
    given, lead, heard = state["given"], state["lead"], state["reading"]
    scorer, texts = deps.scorer_of(given.scorer), _fresh(state)
    likely = {intent.value: sure for intent, sure in heard.confidences}
    local = Reading(heard.claims, (), heard.reasoner, heard.version)
    rule = _rule(state, deps, "scoring", scorer=scorer, texts=texts, said=(local, likely))
    bound = rule.outputs.get("bound") if rule is not None else None
    bound = bound if isinstance(bound, int) else BOUND
    if rule is None or rule.outputs["call"] != "ask" or not texts:
        return Weighed(bound=bound, thought=thought(Asked(rule=_name(rule))))
    usable = Lawful(lead.events).of(given.as_of)
    features = {**state["intake"].features, LEAD_REGION: lead.region, LEAD_ACCOUNT: lead.account}
    score = scorer.score(features, heard_locally(heard, usable, given.as_of), usable, given.as_of)
    found = await weighing.weigh(
        lead,
        score,
        heard,
        tuple(text.signal_id for text in texts),
        shown(lead, given.as_of, texts, _recalled(state)),
        similar=given.recall.analogues if given.recall else None,
        model=mind.model,
        prompt=mind.prompts["scoring"],
        mark=mind.mark,
        rule=rule,
    )
    return Weighed(found.tags, bound, thought(found.asked, found.words))


async def look_again(state: RunState, deps: Deps, verdict: Verdict) -> tuple[Verdict, Thought]:
    """`verdict`, never less careful: held against the cases without a model and without words, then looked at again."""
    verdict = await against_plain(state, deps, verdict)
    verdict = await against_silent(state, deps, verdict)
    if deps.mind is None:
        return verdict, NO_THOUGHT
    rule = _late_rule(state, deps, "policy", verdict)
    if rule is None or rule.outputs["call"] != "ask":
        return verdict, thought(Asked(rule=_name(rule)))
    given = state["given"]
    found = await doubting.doubt(
        verdict,
        reason=given.reason,
        score=state["assessment"].score,
        reading=state["reading"],
        quotes=state.get("quotes", ()),
        whose=(given.lead.tenant, given.lead.lead_id),
        model=deps.mind.model,
        prompt=deps.mind.prompts["policy"],
        mark=deps.mind.mark,
        rule=rule,
    )
    code = found.reason.value
    careful = more_careful(verdict, found.wish, code=code, why=found.why, as_of=given.as_of)
    return careful, thought(found.asked)


async def drafts(state: RunState, deps: Deps, mind: Mind) -> Thought:
    """Drafts for a person's eyes, as sentences of the sealed rationale."""
    verdict, given = state["verdict"], state["given"]
    rule = _late_rule(state, deps, "actuation", verdict)
    if rule is None or rule.outputs["call"] != "ask":
        return thought(Asked(rule=_name(rule)))
    found = await drafting.draft(
        verdict,
        score=state["assessment"].score,
        reading=state["reading"],
        quotes=state.get("quotes", ()),
        whose=(given.lead.tenant, given.lead.lead_id),
        model=mind.model,
        prompt=mind.prompts["actuation"],
        mark=mind.mark,
        rule=rule,
    )
    words = tuple(f"{DRAFT}{name} by a language model: {text}" for name, text in found.texts.items())
    return thought(found.asked, words)


def _rule(
    state: RunState,
    deps: Deps,
    agent: str,
    *,
    scorer: Scorer,
    texts: Sequence[Signal],
    said: tuple[Reading, Mapping[str, int]],
    points: int | None = None,
    verdict: Verdict | None = None,
) -> FiredRow | None:
    """The row that says whether to ask; None if the tables have no say in it."""
    lead, features = state["given"].lead, state["intake"].features
    local, likely = said
    if points is None:
        place = {LEAD_REGION: lead.region, LEAD_ACCOUNT: lead.account}
        points = scorer.points({**features, **place}, likely)
    facts = facts_for(
        agent,
        region=lead.region,
        features=features,
        points=points,
        thresholds=scorer.thresholds,
        texts=texts,
        claims=local.claims,
        likely=likely,
        verdict=verdict,
    )
    return next(iter(deps.policy.evaluate(facts, (TABLE,))), None)


def _late_rule(state: RunState, deps: Deps, agent: str, verdict: Verdict) -> FiredRow | None:
    heard = state["reading"]
    return _rule(
        state,
        deps,
        agent,
        scorer=deps.scorer_of(state["given"].scorer),
        texts=_fresh(state),
        said=(
            Reading(heard.claims, (), heard.reasoner, heard.version),
            {intent.value: sure for intent, sure in heard.confidences},
        ),
        points=state["assessment"].score.points,
        verdict=verdict,
    )


def _name(rule: FiredRow | None) -> str:
    return f"{rule.table}:{rule.rule}" if rule is not None else ""


def _fresh(state: RunState) -> tuple[Signal, ...]:
    """New texts worth reading; in a run that is made again also those at hand that it may be about."""
    given = state["given"]
    before = given.recent if given.reason == REDO else ()
    return worth_reading((*state["intake"].accepted, *before))


def _recalled(state: RunState) -> tuple[Signal, ...]:
    """Earlier texts for context: what memory holds for alike first, then the newest."""
    given = state["given"]
    likeness = {one.ref: one.likeness for one in given.recall.refs} if given.recall else {}
    newest = sorted(given.recent, key=lambda one: (one.occurred_at, one.signal_id), reverse=True)
    return tuple(sorted(newest, key=lambda one: -likeness.get(one.signal_id, 0)))


def _quotes(cited: Sequence[Quoted], texts: Sequence[Signal]) -> tuple[Quoted, ...]:
    """What later agents see of the lead's words: what was cited, and the beginnings of the new texts."""
    whole = [Quoted(text.signal_id, text.text or "") for text in texts]
    return tuple(dict.fromkeys((*cited, *whole)))[:MOST_QUOTES]
