"""Sentiment, urgency and objections, by phrases in ``moods.toml``."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.errors import ConfigError
from domain.mood import Mood, Sentiment, Urgency
from domain.tones import Tone
from tools.reasoner.passage import Passage
from tools.reasoner.phrases import Match, Negation, PhraseBook
from tools.reasoner.slot_words import Found
from tools.reasoner.taxonomy import parsed
from tools.reasoner.tones import sentiment_of
from tools.reasoner.when import When

ANGRY: Final[Found] = ("sentiment", "angry")
OBJECTION: Final = "objection"
SOON_DAYS: Final = 7
"""A time to come of which the last day lies so near makes it urgent."""
_VALUES: Final = {"sentiment": {"angry", "negative", "positive"}, "urgency": {"asks", "blocked", "no_rush"}}
_TURNS: Final = frozenset({"but", "however", "aber", "mais", "pero", "although", "though"})
_UNSURE, _SURE, _STEP = 600, 950, 100


class Said(NamedTuple):
    """Phrases of a passage: as they are meant, and those that are denied as they stand there."""

    meant: list[Match[Found]]
    denied: list[Match[Found]]


class MoodBook:
    """The phrases of a file. `version` is its content hash, 8 hex digits."""

    def __init__(self, phrases: PhraseBook[Found], version: str) -> None:
        """Take them."""
        self._phrases, self.version = phrases, version

    def angry(self, tokens: Sequence[str]) -> bool:
        """True if anything in `tokens` is angry, denied or not: rather once too often than once too seldom."""
        return any(match.means == ANGRY for match in self._phrases.matches(tokens))

    def said(self, passage: Passage, negation: Negation) -> Said:
        """What is said and what is denied, in order; a denied mood means its opposite, or none."""
        found = Said([], [])
        for match in self._phrases.matches(passage.tokens):
            if not negation.denies(passage.tokens, match):
                found.meant.append(match)
                continue
            found.denied.append(match)
            turned = _denied(match.means)
            if turned is not None:
                found.meant.append(match._replace(means=turned))
        return found


def mood_of(
    passage: Passage, said: Sequence[Match[Found]], times: Sequence[When], at: date, tone: Tone | None = None
) -> Mood:
    """The mood of a text written on the day `at`, from what is said in it, the times to come, and its `tone`."""
    weight = _weight(passage, said)
    sentiment, sure = _by_phrases(weight) if tone is None else sentiment_of(tone, weight)
    why = _why({match.means[1] for match in said if match.means[0] == "urgency"}, times, at)
    urgency = {"unsaid": Urgency.NORMAL, "no_rush": Urgency.NONE}.get(why, Urgency.HIGH)
    return Mood(sentiment, sure, urgency, why)


def _by_phrases(weight: int) -> tuple[Sentiment, int]:
    sentiment = Sentiment.NEGATIVE if weight < 0 else Sentiment.POSITIVE if weight > 0 else Sentiment.NEUTRAL
    return sentiment, min(_SURE, _UNSURE + _STEP * abs(weight))


def load_moods(file: Path) -> MoodBook:
    """The phrases in `file`. Raises: ConfigError naming the file, the entry and the remedy."""
    entries = parsed(file).get("mood")
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"{file}: needs [[mood]] entries")
    try:
        return MoodBook(PhraseBook(_phrases(file, entries)), sha256(file.read_bytes()).hexdigest()[:8])
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from None


def _denied(means: Found) -> Found | None:
    """What a denied phrase stands for: "not great" is negative, "not urgent" no rush, "not bad" nothing."""
    if means == ("sentiment", "positive"):
        return ("sentiment", "negative")
    return ("urgency", "no_rush") if means == ("urgency", "asks") else None


def _weight(passage: Passage, said: Sequence[Match[Found]]) -> int:
    """Below 0 negative, above 0 positive; anger and what follows a "but" weigh double."""
    turn = max(
        (at for at, token in enumerate(passage.tokens) if token in _TURNS), default=len(passage.tokens)
    )
    weight, ends = 0, 0
    for match in said:
        name, value = match.means
        if name == "urgency" or match.start < ends:
            continue
        ends = match.end
        sign = 1 if value == "positive" else -1
        weight += sign * (2 if value == "angry" or match.start > turn else 1)
    return weight


def _why(said: set[str], times: Sequence[When], at: date) -> str:
    if "blocked" in said:
        return "blocked"
    if "no_rush" in said:
        return "no_rush"
    if "asks" in said:
        return "asks"
    near = at + timedelta(SOON_DAYS)
    return "deadline" if any(one.last is not None and one.last <= near for one in times) else "unsaid"


def _phrases(file: Path, entries: Sequence[Any]) -> Iterator[tuple[str, Found]]:
    for number, entry in enumerate(entries, start=1):
        place = f"{file}: [[mood]] number {number}"
        if not isinstance(entry, dict) or set(entry) != {"name", "value", "any"}:
            raise ConfigError(f"{place} needs name, value and any, and nothing else")
        name, value, phrases = entry["name"], entry["value"], entry["any"]
        known = _VALUES.get(name)
        if not isinstance(value, str) or (value not in known if known else name != OBJECTION):
            names = "; ".join(f"{one}: {', '.join(sorted(values))}" for one, values in _VALUES.items())
            raise ConfigError(f"{place} name and value must be one of {names}; or objection and a code")
        if not isinstance(phrases, list) or not all(isinstance(one, str) for one in phrases):
            raise ConfigError(f"{place} any must be a list of phrases")
        yield from ((phrase, (name, value)) for phrase in phrases)
