"""Text as a list of words and marks: what phrases and slots are matched against. Takes linear time."""

import re
import unicodedata
from typing import Final

MOST_CHARACTERS: Final = 20_000
"""Text beyond this is not read."""
STOPS: Final = frozenset(".!?;\n")
"""Marks that end a sentence."""
MARKS: Final = STOPS | {","}

_TOKEN: Final = re.compile(r"\d(?:[\d.,]*\d)?|[^\W\d_]+|[€$£.!?;,\n]")
_APOSTROPHES: Final = str.maketrans("", "", "'’ʼ`´")
_REPLY: Final = re.compile(
    r"^(?:on\b.{0,200}\bwrote:|am\b.{0,200}\bschrieb\b.{0,200}:|le\b.{0,200}\ba écrit\s?:"
    r"|el\b.{0,200}\bescribió:"
    r"|-{2,}\s?(?:original message|forwarded message|ursprüngliche nachricht|message d'origine).{0,40}"
    r"|_{10,}|-- ?)$"
)


def own_words(text: str) -> str:
    """`text` without what its writer only quoted, in small letters, at most `MOST_CHARACTERS`.

    Left out are lines behind ``>``, and all after a mail program's reply line or a signature line.
    """
    plain = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS])[:MOST_CHARACTERS].casefold()
    if ">" not in plain and ":" not in plain and "--" not in plain and "__" not in plain:
        return plain
    kept = []
    for line in plain.split("\n"):
        bare = line.strip()
        if bare.startswith(">"):
            continue
        if len(bare) < 500 and _REPLY.match(bare):
            break
        kept.append(line)
    return "\n".join(kept)


def tokens_of(text: str) -> list[str]:
    """Words, numbers, currency signs and marks, in order. Apostrophes vanish: ``don't`` is ``dont``.

    >>> tokens_of("we don't need 1,500 seats.")
    ['we', 'dont', 'need', '1,500', 'seats', '.']
    """
    found: list[str] = _TOKEN.findall(text.translate(_APOSTROPHES))
    return found
