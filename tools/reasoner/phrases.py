"""Phrases, compiled once and looked up word by word.

How a phrase is written: words without apostrophes; ``a|b`` either word; ``word?`` may be missing;
``word*`` any word that begins so (three letters or more); ``...`` up to three words or commas of any kind. A
phrase never reaches over the end of a sentence.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, Final, Generic, NamedTuple, TypeVar

from domain.intent import Intent
from tools.reasoner.words import MARKS, STOPS

GAP: Final = "..."
GAP_WORDS: Final = 3
_HEAD: Final = 3
_MOST_VARIANTS: Final = 32

Meaning = TypeVar("Meaning")
"""What a phrase stands for."""


class Element(NamedTuple):
    """One place of a phrase: a word that is one of `exact` or begins with one of `prefixes`."""

    exact: frozenset[str]
    prefixes: tuple[str, ...]


Pattern = tuple[Element | None, ...]
"""None is a gap."""


class Cue(NamedTuple):
    """What a phrase means. `confidence` in per mille."""

    intent: Intent
    confidence: int
    code: str


class Match(NamedTuple, Generic[Meaning]):
    """A meaning at ``tokens[start:end]``."""

    means: Meaning
    start: int
    end: int


class PhraseBook(Generic[Meaning]):
    """All phrases, found by the first letters of their first word."""

    def __init__(self, phrases: Iterable[tuple[str, Meaning]]) -> None:
        """Compile `phrases`. Raises: ValueError naming the phrase that cannot be read."""
        self._by_head: dict[str, list[tuple[Pattern, Meaning]]] = {}
        for phrase, means in phrases:
            for pattern in compiled(phrase):
                for head in _heads(pattern[0]):
                    self._by_head.setdefault(head, []).append((pattern, means))

    def matches(self, tokens: Sequence[str]) -> list[Match[Meaning]]:
        """Every match in `tokens`, by its first word; of one meaning at one place the first pattern."""
        found: list[Match[Meaning]] = []
        heads = self._by_head
        for start, token in enumerate(tokens):
            candidates = heads.get(token[:_HEAD])
            if candidates is None:
                continue
            for pattern, means in candidates:
                end = _end(tokens, start, pattern, 0)
                if end and not (found and found[-1].start == start and found[-1].means == means):
                    found.append(Match(means, start, end))
        return found


class Negation(NamedTuple):
    """When a match means its opposite."""

    negators: frozenset[str]
    harmless: frozenset[tuple[str, str]]
    """Pairs of words in which a negator negates nothing that follows: ``not only``, ``dont know``."""
    turns: frozenset[str]
    """Words at which a negation ends: ``but``."""
    afterwards: tuple[Pattern, ...]
    """Phrases that deny what came before them: ``not needed``."""
    reach: int
    """Words before a match that a negator may stand away."""

    def denies(self, tokens: Sequence[str], match: Match[Any]) -> bool:
        """True if `match` is denied within its own clause."""
        for place in range(match.start - 1, max(-1, match.start - 1 - self.reach), -1):
            token = tokens[place]
            if token in MARKS or token in self.turns:
                break
            if token in self.negators and not self._harmless(tokens, place, match.start):
                return True
        return self._denied_after(tokens, match.end)

    def _harmless(self, tokens: Sequence[str], place: int, start: int) -> bool:
        """True if the word at `place` negates nothing at `start`: "no problem", unless that is meant."""
        following = (tokens[place], tokens[place + 1]) if place + 1 < start else ("", "")
        before = (tokens[place - 1], tokens[place]) if place else ("", "")
        return following in self.harmless or before in self.harmless

    def _denied_after(self, tokens: Sequence[str], end: int) -> bool:
        for start in range(end, min(end + self.reach, len(tokens))):
            if tokens[start] in MARKS:
                return False
            if any(_end(tokens, start, pattern, 0) for pattern in self.afterwards):
                return True
        return False


def compiled(phrase: str) -> list[Pattern]:
    """The patterns that `phrase` stands for. Raises: ValueError."""
    words = phrase.casefold().split()
    if not words or words[0] == GAP or words[-1] == GAP or words[0].endswith("?"):
        raise ValueError(f"{phrase!r} must begin and end with a word, and the first must not be optional")
    choices = [((), (word[:-1],)) if word.endswith("?") else ((word,),) for word in words]
    variants = list(product(*choices))
    if len(variants) > _MOST_VARIANTS:
        raise ValueError(f"{phrase!r} has too many optional words")
    return [
        tuple(None if word == GAP else _element(phrase, word) for part in variant for word in part)
        for variant in variants
    ]


def _element(phrase: str, word: str) -> Element:
    exact, prefixes = set(), []
    for one in word.split("|"):
        bare = one.removesuffix("*")
        if not bare.isalnum():
            raise ValueError(f"{phrase!r}: {one!r} is no word; leave out apostrophes and signs")
        if bare != one and len(bare) < _HEAD:
            raise ValueError(f"{phrase!r}: {one!r} needs {_HEAD} letters before the star")
        if bare == one:
            exact.add(one)
        else:
            prefixes.append(bare)
    return Element(frozenset(exact), tuple(prefixes))


def _heads(first: Element | None) -> set[str]:
    if first is None:
        return set()
    return {word[:_HEAD] for word in (*first.exact, *first.prefixes)}


def _end(tokens: Sequence[str], at: int, pattern: Pattern, place: int) -> int:
    """Index behind the match of ``pattern[place:]`` at `at`; 0 if there is none."""
    while place < len(pattern):
        element = pattern[place]
        if element is None:
            return _after_gap(tokens, at, pattern, place + 1)
        if at >= len(tokens):
            return 0
        token = tokens[at]
        if token not in element.exact and not (element.prefixes and token.startswith(element.prefixes)):
            return 0
        at, place = at + 1, place + 1
    return at


def _after_gap(tokens: Sequence[str], at: int, pattern: Pattern, place: int) -> int:
    for skipped in range(GAP_WORDS + 1):
        if skipped and (at + skipped > len(tokens) or tokens[at + skipped - 1] in STOPS):
            return 0
        end = _end(tokens, at + skipped, pattern, place)
        if end:
            return end
    return 0
