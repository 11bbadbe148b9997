"""A customer's text cut into words that know where they stand in it, without what is not the customer's own word.

Not taken are what a mail quotes, words between quotation marks (a name of up to three words is), what others are
said to have said, and what is only imagined. Takes linear time.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tools.reasoner.words import APOSTROPHES, MARKS, MOST_CHARACTERS, STOPS, own_parts

GONE: Final = "\n"
"""Stands for a word that is not taken; no phrase reaches over it."""
_TOKEN: Final = re.compile(r"\d(?:[\d.,]*\d)?|[^\W\d_]+|[€$£₹.!?;,\n]")
_QUOTED: Final = re.compile(r"[\"“„«]([^\"“”„«»\n]{1,400})[\"”“»]")
_NAME_WORDS: Final = 3
_SAYS: Final = frozenset({
    "said", "says", "say", "told", "tells", "wrote", "writes", "claims", "claimed", "mentioned", "promised", "quoted",
    "states", "sagte", "sagt", "meinte", "schrieb", "dit", "dijo", "dice", "pays", "uses",
    "swears", "reckons", "heard", "thinks",
})  # fmt: skip
_OTHERS: Final = frozenset({
    "they", "he", "she", "friend", "friends", "colleague", "website", "page", "site", "article", "blog", "rep", "agent",
    "bot", "competitor", "somebody", "someone", "neighbour", "neighbor", "brochure", "salesperson", "representative",
    "you", "reviews", "ad", "newsletter", "kollege", "kollegin", "freund", "freundin", "webseite", "ami", "amigo",
    "guy", "chatbot", "vendor", "seller", "salesman", "brother", "sister", "cousin", "uncle", "aunt", "dad", "mum",
    "mom", "husband", "wife", "mate", "buddy", "invoice", "bill", "screen", "email", "mail", "form", "flyer", "leaflet",
    "forum", "review",
})  # fmt: skip
_OURS: Final = frozenset({
    "boss", "manager", "ceo", "cfo", "cto", "cio", "coo", "director", "board", "finance", "management", "we", "i",
    "chef", "chefin", "owner", "team", "procurement", "head", "jefe", "patron",
})  # fmt: skip
_IMAGINED: Final = (
    ("suppose",), ("supposing",), ("imagine",), ("hypothetically",), ("theoretically",), ("what", "if"),
    ("lets", "say"), ("in", "theory"), ("if", "we", "had"), ("if", "i", "had"), ("if", "we", "were"),
    ("if", "i", "were"), ("if", "only"), ("wenn", "wir", "hätten"), ("angenommen",), ("si", "on", "avait"),
    ("if", "you", "had"), ("if", "they", "had"), ("i", "wish", "we"),
)  # fmt: skip
_LIKED: Final = frozenset(
    {"great", "good", "nice", "super", "perfect", "ideal", "lovely", "helpful", "best", "better"}
)
_TURNS: Final = frozenset({"but", "however", "aber", "mais", "pero", "though"})
_BEFORE: Final = 5
"""Words before a verb of saying among which its subject is looked for."""


class Passage(NamedTuple):
    """Words of one text. `starts[i]` and `ends[i]` are offsets of the word `i` in `text`, as it was written."""

    text: str
    tokens: list[str]
    starts: list[int]
    ends: list[int]
    whole: list[str]
    """The tokens with those that are not taken for the customer's own word."""

    def between(self, at: int) -> str:
        """What stands between word `at` and the next one; empty at the end."""
        return self.text[self.ends[at] : self.starts[at + 1]] if at + 1 < len(self.tokens) else ""

    def sentences(self) -> list[tuple[int, int]]:
        """First word and the place behind the last of each sentence."""
        return _sentences(self.tokens)

    def own_sentences(self) -> list[tuple[int, int]]:
        """Those of which every word is the writer's own."""
        return [(a, b) for a, b in _sentences(self.whole) if self.tokens[a:b] == self.whole[a:b]]


def _sentences(tokens: Sequence[str]) -> list[tuple[int, int]]:
    ends = [at for at, token in enumerate(tokens) if token in STOPS]
    starts = [0, *(at + 1 for at in ends)]
    return [(a, b) for a, b in zip(starts, [*ends, len(tokens)], strict=True) if b > a]


def passage_of(text: str) -> Passage:
    """The words of `text`, of at most `MOST_CHARACTERS` of it."""
    plain, places = _mapped(text[:MOST_CHARACTERS])
    quoted = _quotes(plain)
    tokens, starts, ends = list[str](), list[int](), list[int]()
    whole = list[str]()
    for first, last in own_parts(plain):
        for match in _TOKEN.finditer(plain, first, last):
            whole.append(match[0])
            tokens.append(GONE if quoted[match.start()] else match[0])
            starts.append(places[match.start()])
            ends.append(max(places[match.end() - 1] + 1, places[match.end()]))
        if last < len(plain):
            tokens.append(GONE)
            whole.append(GONE)
            starts.append(places[last])
            ends.append(places[last])
    for first, last in _not_own(tokens):
        tokens[first:last] = [GONE] * (last - first)
    return Passage(text, tokens, starts, ends, whole)


def _mapped(text: str) -> tuple[str, list[int]]:
    """`text` in small letters, normal forms, without apostrophes; and of each sign where it comes from, one more."""
    kept, places, at = list[str](), list[int](), 0
    while at < len(text) and len(kept) < MOST_CHARACTERS:
        end = at + 1
        if not text[at].isascii() or (end < len(text) and not text[end].isascii()):
            while end < len(text) and unicodedata.combining(text[end]):
                end += 1
        part = text[at:end]
        plain = part if part.isascii() else unicodedata.normalize("NFKC", part)
        for sign in plain.casefold().translate(APOSTROPHES):
            kept.append(sign)
            places.append(at)
        at = end
    return "".join(kept), [*places, at]


def _quotes(plain: str) -> bytearray:
    """1 for each sign between quotation marks, but names."""
    inside = bytearray(len(plain) + 1)
    for match in _QUOTED.finditer(plain):
        if len(match[1].split()) > _NAME_WORDS:
            inside[match.start(1) : match.end(1)] = b"\1" * len(match[1])
    return inside


def _not_own(tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    """What others said and what is imagined: from there to the end of the sentence, or to a word that turns it."""
    gone = 0
    for at, token in enumerate(tokens):
        if at < gone:
            continue
        if (token in _SAYS and _by_others(tokens, at)) or _imagined(tokens, at):
            gone = _clause_end(tokens, at)
            yield at, gone


def _by_others(tokens: Sequence[str], at: int) -> bool:
    subject = []
    for place in range(at - 1, max(-1, at - 1 - _BEFORE), -1):
        if tokens[place] in MARKS or tokens[place] in _TURNS:
            break
        subject.append(tokens[place])
    return not _OURS.intersection(subject) and bool(_OTHERS.intersection(subject))


def _imagined(tokens: Sequence[str], at: int) -> bool:
    if _LIKED.intersection(tokens[max(0, at - 4) : at]):
        return False  # "it would be great if we had it by March" is a wish
    return any(tuple(tokens[at : at + len(words)]) == words for words in _IMAGINED)


def _clause_end(tokens: Sequence[str], at: int) -> int:
    while at < len(tokens) and tokens[at] not in STOPS and tokens[at] not in _TURNS:
        at += 1
    return at
