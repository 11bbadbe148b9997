"""From the claims of single signals to what a lead is after: a pure function of its tagged events and a time.

Claims lie in `Event.tags` as ``pricing:820`` (per mille); ``pricing:0`` is a denial ("we do not want a
quote"). Other tags: ``=seats:50@12-20`` is a slot with its offsets, ``=mood:...`` a mood, `UNREAD` marks a
signal that its reader could not read.

How claims add up, newest first: each counts ``confidence x decay(age)`` (half-life 7 days). The strongest of
an intent counts in full, each further one fills a halving share of what is left to certainty, so that
repetition convinces slowly. A denial ends everything older of its intent. "Not a buyer" weakens buying claims
that are not newer than it, and newer buying claims weaken it; the same between leaving and renewing or
growing. What agents and bots said never counts.

A claim by a language model (``~pricing:820``) stands for the local one of its intent in what a lead is after, and
is unknown to `Said` unless asked for: a score is made of what the local reader read.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from domain.feature import DECAY_LIMIT_HOURS, decay_table
from domain.instants import HOUR
from domain.intent import (
    BUYING,
    MODEL_SIGN,
    REASON_SIGN,
    SEVERAL,
    Claim,
    Intent,
    IntentReading,
    Slot,
    tags_of,
)
from domain.kinds import Kind
from domain.lead import LeadState
from domain.mood import LASTS, PLAIN, Mood, lasting, mood_code, mood_from
from domain.signal import FACT, Event

HALF_LIFE_HOURS: Final = 7 * 24
FLOOR: Final = 300
"""Per mille: an intent below this is not named; the answer is then `Intent.UNSURE`."""
UNREAD: Final = "!unread"
"""Tag of an event whose signal is still to be read, because its reader was down or stood in for."""
CUSTOMER: Final = "customer"
_MOOD: Final = "mood"
_MESSAGE: Final = Kind.MESSAGE.value
_MOST: Final = 6
"""Claims of one intent that count; the seventh would add less than one part in 64."""
_FULL: Final = 1000
_BY_NAME: Final = {intent.value: intent for intent in Intent if intent is not Intent.UNSURE}
_STAYING: Final = frozenset({Intent.RENEWAL, Intent.EXPANSION})
_AGAINST: Final[Mapping[Intent, frozenset[Intent]]] = {Intent.NOT_A_BUYER: BUYING, Intent.CHURN: _STAYING}
"""What speaks against what."""

Claims = tuple[tuple[Intent, int], ...]


class _Heap(NamedTuple):
    """What was gathered so far, going back in time."""

    weights: dict[Intent, list[int]]
    peaks: dict[Intent, int]
    """The greatest of the weights of each intent."""
    denied: set[Intent]

    def opposition(self, intent: Intent) -> int:
        """Per mille by which newer claims speak against `intent`."""
        strongest = 0
        for against, targets in _AGAINST.items():
            if intent in targets:
                strongest = max(strongest, self.peaks.get(against, 0))
            elif intent is against:
                strongest = max([strongest, *(self.peaks.get(target, 0) for target in targets)])
        return strongest


class Said:
    """The claims of one lead's events, parsed once, to be weighed as of several times."""

    __slots__ = ("_ats", "_claims", "_plain")

    def __init__(self, events: tuple[Event, ...], *, by_model: bool = False) -> None:
        """Take `events`, which are sorted; with `by_model` also what a language model read in them."""
        parsed = _parsed_with_model if by_model else _parsed
        self._ats: list[int] = []
        self._claims: list[Claims] = []
        for event in events:
            if event.tags and (event.kind != _MESSAGE or event.subject == CUSTOMER):
                claims = parsed(event.tags)
                if claims:
                    self._ats.append(event.at)
                    self._claims.append(claims)
        self._plain = self._by_intent()

    def at(self, as_of: int) -> dict[Intent, int]:
        """Confidence, per mille, 1..1000, of each intent as of `as_of`, from what was said by then."""
        count = bisect_right(self._ats, as_of)
        if not count:
            return {}
        weights = self._weighed_apart(as_of) if self._plain is not None else self._weighed(count, as_of)
        return {intent: total for intent, found in weights.items() if (total := _together(found))}

    def _by_intent(self) -> dict[Intent, tuple[list[int], list[int]]] | None:
        """Times and confidences by intent; None if something is denied, or speaks against something else."""
        plain: dict[Intent, tuple[list[int], list[int]]] = {}
        for at, claims in zip(self._ats, self._claims, strict=True):
            for intent, confidence in claims:
                if not confidence or intent in _AGAINST:
                    return None
                times, sure = plain.setdefault(intent, ([], []))
                times.append(at)
                sure.append(confidence)
        return plain

    def _weighed_apart(self, as_of: int) -> dict[Intent, list[int]]:
        """The same as `_weighed` where no claim touches another: several times faster."""
        table, hour = decay_table(HALF_LIFE_HOURS), as_of // HOUR
        oldest = (hour - DECAY_LIMIT_HOURS + 1) * HOUR
        weights = {}
        for intent, (times, sure) in (self._plain or {}).items():
            first, end = bisect_left(times, oldest), bisect_right(times, as_of)
            pairs = zip(times[first:end], sure[first:end], strict=True)
            weights[intent] = [confidence * table[hour - at // HOUR] // 1_000_000 for at, confidence in pairs]
        return weights

    def _weighed(self, count: int, as_of: int) -> dict[Intent, list[int]]:
        """Weights by intent of the first `count` signals, newest first."""
        heap = _Heap({}, {}, set())
        table, hour = decay_table(HALF_LIFE_HOURS), as_of // HOUR
        for index in range(count - 1, -1, -1):
            age = hour - self._ats[index] // HOUR
            if age >= DECAY_LIMIT_HOURS:
                break
            _weigh(heap, self._claims[index], table[age])
        return heap.weights


def confidences(events: tuple[Event, ...], as_of: int) -> dict[Intent, int]:
    """What the lead is after as of the Instant `as_of`: per mille, 1..1000, by intent. See the head above."""
    return Said(events, by_model=True).at(as_of)


def read_by_model(events: tuple[Event, ...]) -> bool:
    """Whether a language model read anything in `events`. Asked in every run, so it looks at each sort of tags once."""
    return any(_by_model(tags) for tags in {event.tags for event in events})


@lru_cache(maxsize=4_096)
def _by_model(tags: tuple[str, ...]) -> bool:
    return any(tag[0] in (MODEL_SIGN, REASON_SIGN) for tag in tags)


def heard_locally(reading: IntentReading, events: tuple[Event, ...], as_of: int) -> IntentReading:
    """`reading` without what a model read in `events`; the same one if it read nothing."""
    if not read_by_model(events):
        return reading
    found = Said(events).at(as_of)
    top, confidence = top_of(found)
    return replace(reading, confidences=ranked(found), top=top, confidence=confidence)


def with_tags(lead: LeadState, tags: Mapping[str, tuple[str, ...]]) -> LeadState:
    """`lead` with `tags` on the events of those signals; the same lead if nothing changes.

    What the band was folded over must not change under it: if it does, the fold starts anew.
    """
    changed = [event for event in lead.events if _differs(event, tags)]
    if not changed:
        return lead
    events = tuple([e._replace(tags=tags[e.ref]) if _differs(e, tags) else e for e in lead.events])
    late = changed[0].at <= lead.band.folded_to
    return replace(lead, events=events, band=replace(lead.band, settled=None) if late else lead.band)


def _differs(event: Event, tags: Mapping[str, tuple[str, ...]]) -> bool:
    return event.ref in tags and event.kind != FACT and event.tags != tags[event.ref]


def ranked(found: Mapping[Intent, int]) -> tuple[tuple[Intent, int], ...]:
    """Strongest first, ties by name."""
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0].value)))


def top_of(found: Mapping[Intent, int]) -> tuple[Intent, int]:
    """The strongest intent and its confidence; (`Intent.UNSURE`, 0) if none reaches `FLOOR`."""
    best = ranked(found)
    return best[0] if best and best[0][1] >= FLOOR else (Intent.UNSURE, 0)


def tags_for(
    claims: tuple[Claim, ...], slots: tuple[Slot, ...], ref: str, mood: Mood = PLAIN
) -> tuple[str, ...]:
    """What is kept of one signal's reading, sorted: its claims, its slots, and its mood if that is news."""
    said = {_slot_tag(slot) for slot in slots if slot.ref == ref}
    felt = () if mood.plain else (f"={_MOOD}:{mood_code(mood)}",)
    return tuple(sorted({*said, *felt, *tags_of(claims, ref)}))


def slots_of(events: tuple[Event, ...], as_of: int) -> tuple[Slot, ...]:
    """The newest value of each slot as of `as_of`, of `SEVERAL` the newest of each value; by name."""
    newest: dict[tuple[str, str], Slot] = {}
    for event in _spoken(events, as_of):
        for slot in (_slot(tag, event.ref) for tag in event.tags):
            if slot is not None:
                newest[slot.name, slot.value if slot.name in SEVERAL else ""] = slot
    return tuple(newest[key] for key in sorted(newest))


def mood_at(events: tuple[Event, ...], as_of: int) -> Mood:
    """The mood that lasts as of `as_of`, from the newest texts of the lead."""
    last = deque((event.tags for event in _spoken(events, as_of)), maxlen=LASTS)
    return lasting(next((_mood(tag) for tag in tags if tag.startswith(f"={_MOOD}:")), PLAIN) for tags in last)


def _spoken(events: tuple[Event, ...], as_of: int) -> Iterator[Event]:
    """The lead's own messages until `as_of`, and whatever else it wrote that was read as a fact or a mood."""
    for event in events:
        if event.at > as_of:
            break
        if event.kind == _MESSAGE:
            if event.subject == CUSTOMER:
                yield event
        elif event.tags and event.tags[0] < ">" and any(tag[0] == "=" for tag in event.tags):
            yield event


def _slot_tag(slot: Slot) -> str:
    place = "" if slot.start is None else f"@{slot.start}-{slot.end}"
    return f"={slot.name}:{slot.value}{place}"


def _slot(tag: str, ref: str) -> Slot | None:
    """The slot of a tag; None if it is none."""
    name, _, value = tag[1:].partition(":")
    if tag[0] != "=" or name == _MOOD:
        return None
    value, _, place = value.partition("@")
    start, _, end = place.partition("-")
    return Slot(name, value, ref, int(start), int(end)) if end else Slot(name, value, ref)


@lru_cache(maxsize=1_024)
def _mood(tag: str) -> Mood:
    return mood_from(tag.partition(":")[2])


@lru_cache(maxsize=4_096)
def _parsed(tags: tuple[str, ...]) -> Claims:
    """The claims among `tags`; an intent of another taxonomy is passed over."""
    found = []
    for tag in tags:
        name, _, confidence = tag.partition(":")
        intent = _BY_NAME.get(name)
        if intent is not None and confidence.isdecimal():
            found.append((intent, min(_FULL, int(confidence))))
    return tuple(found)


@lru_cache(maxsize=4_096)
def _parsed_with_model(tags: tuple[str, ...]) -> Claims:
    """The same, where a model's claim stands for the local one of its intent."""
    read = _parsed(tuple(tag[1:] for tag in tags if tag[0] == MODEL_SIGN))
    return tuple({**dict(_parsed(tags)), **dict(read)}.items()) if read else _parsed(tags)


def _weigh(heap: _Heap, claims: Claims, decay: int) -> None:
    """Add one signal's claims, the next older one, to the heap."""
    inside = dict(claims)
    added = []
    for intent, confidence in claims:
        if intent in heap.denied:
            continue
        if confidence == 0:
            heap.denied.add(intent)
            continue
        weight = confidence * decay * (_FULL - heap.opposition(intent)) // (1_000_000 * _FULL)
        for against, targets in _AGAINST.items():
            if intent in targets and against in inside:
                weight = weight * (_FULL - inside[against] * decay // 1_000_000) // _FULL
        added.append((intent, weight))
    for intent, weight in added:
        heap.weights.setdefault(intent, []).append(weight)
        heap.peaks[intent] = max(weight, heap.peaks.get(intent, 0))


def _together(found: list[int]) -> int:
    """Weights of one intent as one: the strongest in full, each further one a halving share of the rest."""
    if len(found) < 2:
        return found[0] if found else 0
    best = sorted(found, reverse=True)[:_MOST]
    total = best[0]
    for share, weight in enumerate(best[1:], start=1):
        total += (_FULL - total) * weight // (_FULL << share)
    return total
