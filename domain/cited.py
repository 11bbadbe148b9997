"""Evidence that code has checked: what a model may cite, whether it did so truly, and whether its numbers hold.

A model sees texts under short names of this run (``s1``, ``s2`` ...), never under the ids of signals, which are
somebody else's words. What it cites under any other name, or does not find in that text, does not count.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.consent import Lawful
from domain.lead import LeadState
from domain.quoted import Quoted, visible
from domain.signal import Signal

Mark = Callable[[str], str]
"""Keyed hash of a text: nobody who writes a text knows the mark that will stand around it."""
MOST_TEXTS: Final = 12
LONGEST_TEXT: Final = 4_000
"""Characters of one text that are shown."""
_LEAST: Final = 3
"""Letters and digits of a quote that says anything."""
_NUMBER: Final = re.compile(r"\d+(?:[.,'\u2019 ]\d{3})*(?:[.,]\d+)?")
_WORDS: Final[Mapping[str, int]] = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1_000, "million": 1_000_000,
}  # fmt: skip


class Cite(BaseModel):
    """What a model says it read: the name of a text, and words that stand in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signal: Annotated[str, Field(max_length=8)]
    quote: Annotated[str, Field(max_length=400)]


@dataclass(frozen=True, slots=True)
class Shown:
    """The texts of one lead that a model is given in one run: name -> (ref of the signal, visible text)."""

    texts: Mapping[str, tuple[str, str]]

    def evidence(self, cite: Cite) -> Quoted | None:
        """The quote, inert, under the ref of its signal; None if it does not stand in a text that was shown."""
        ref, text = self.texts.get(cite.signal, ("", ""))
        words = folded(cite.quote)
        if sum(map(str.isalnum, words)) < _LEAST or words not in folded(text):
            return None
        return Quoted(ref, cite.quote)

    def all(self, cites: Sequence[Cite]) -> tuple[Quoted, ...]:
        """Evidence for one claim: every quote holds, or there is none."""
        found = [self.evidence(cite) for cite in cites]
        return () if None in found else tuple(one for one in found if one is not None)

    def spotlit(self, mark: Mark) -> str:
        """The texts for a request, each between delimiters that its writer cannot know."""
        return "\n".join(
            f"<{mark(text)} {name}>\n{text}\n</{mark(text)} {name}>" for name, (_, text) in self.texts.items()
        )


def shown_again(quotes: Iterable[Quoted]) -> Shown:
    """Quotes of a lead's words, given to a later agent as texts of their own."""
    return _named((quote.ref, quote.text) for quote in quotes)


def shown(lead: LeadState, as_of: int, new: Iterable[Signal], earlier: Iterable[Signal]) -> Shown:
    """What of `new` and `earlier` may be shown: texts of this very lead that may lawfully be used; new ones first."""
    own = {event.ref for event in Lawful(lead.events).of(as_of)}
    texts: dict[str, str] = {}
    for signal in (*new, *earlier):
        mine = signal.tenant == lead.tenant and signal.signal_id in own and signal.own_words
        if mine and signal.text is not None and len(texts) < MOST_TEXTS:
            texts.setdefault(signal.signal_id, visible(signal.text)[:LONGEST_TEXT])
    return _named(texts.items())


def _named(texts: Iterable[tuple[str, str]]) -> Shown:
    return Shown({f"s{at}": one for at, one in enumerate(texts, start=1)})


def folded(text: str) -> str:
    """`text` as two copies of it are compared: what is visible, case and spaces apart."""
    return " ".join(visible(text).casefold().split())


def numbers_in(text: str) -> frozenset[str]:
    """The numbers that `text` states, in digits or in common words, as plain decimals.

    >>> sorted(numbers_in("50 seats, twenty of them at 1,200.50"))
    ['1200.5', '20', '50']
    """
    found = {_plain(one) for one in _NUMBER.findall(visible(text))}
    words = re.findall(r"[a-z]+", text.casefold())
    return frozenset(found | {str(_WORDS[word]) for word in words if word in _WORDS})


def numbers_hold(prose: str, stated: Iterable[str]) -> bool:
    """True if every number in `prose` stands in one of the texts in `stated`."""
    known = frozenset[str]().union(*map(numbers_in, stated))
    return numbers_in(prose) <= known


def _plain(number: str) -> str:
    grouped = re.sub(r"[.,'\u2019 ](?=\d{3}(?:\D|$))", "", number)
    whole, _, rest = grouped.replace(",", ".").partition(".")
    rest = rest.rstrip("0")
    return f"{whole.lstrip('0') or '0'}.{rest}" if rest else whole.lstrip("0") or "0"
