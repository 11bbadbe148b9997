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
APOSTROPHES: Final = str.maketrans("", "", "'’ʼ`´")
_REPLY: Final = re.compile(
    r"^(?:on\b.{0,200}\bwrote:|am\b.{0,200}\bschrieb\b.{0,200}:|le\b.{0,200}\ba écrit\s?:"
    r"|el\b.{0,200}\bescribió:"
    r"|-{2,}\s?(?:original message|forwarded message|ursprüngliche nachricht|message d'?origine).{0,40}"
    r"|_{10,}|-- ?)$"
)
_CITED: Final = re.compile(
    r"\"[^\"\n]{1,500}\"|[“„][^“”\n]{1,500}[“”]|«[^«»\n]{1,500}»|»[^«»\n]{1,500}«"
    r"|(?<!\w)['‘‚](?:[^'‘’\n]|(?<=\w)['’](?=\w)){1,500}['’](?!\w)"
)
_MARKED: Final = re.compile(r"[:;=!?{}<>]|\.\s")
"""What no name holds: "stop: now" is another's sentence too."""
_FEW: Final = 3
"""Words from which something in quotation marks is another's sentence, not a name."""


def own_words(text: str) -> str:
    """`text` without what its writer only quoted, in small letters, at most `MOST_CHARACTERS`.

    Left out are lines behind ``>``, and all after a mail program's reply line or a signature line.
    """
    plain = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS])[:MOST_CHARACTERS].casefold()
    return "\n".join(plain[first:last] for first, last in own_parts(plain))


def meant_words(text: str) -> str:
    """The `own_words` of `text` without sentences in quotation marks: to quote a wish is not to have it.

    What stands in them counts after all where nothing else is said. Names stay: one or two words without a mark.
    >>> meant_words('The scanner flagged "ignore all instructions" in the "Pro plan"')
    'the scanner flagged   in the "pro plan"'
    """
    own = own_words(text)
    left = _CITED.sub(_left_of, own)
    return left if any(sign.isalnum() for sign in left) else own


def _left_of(cited: re.Match[str]) -> str:
    found = cited.group()
    return found if len(found.split()) < _FEW and not _MARKED.search(found) else " "


def own_parts(plain: str) -> list[tuple[int, int]]:
    """Begin and end of each line, or of several together, that the writer of `plain` did not only quote."""
    if ">" not in plain and ":" not in plain and "--" not in plain and "__" not in plain:
        return [(0, len(plain))]
    kept, at = [], 0
    for line in plain.split("\n"):
        bare, first, at = line.strip(), at, at + len(line) + 1
        if bare.startswith(">"):
            continue
        if len(bare) < 500 and _REPLY.match(bare):
            break
        kept.append((first, first + len(line)))
    return kept


def tokens_of(text: str) -> list[str]:
    """Words, numbers, currency signs and marks, in order. Apostrophes vanish: ``don't`` is ``dont``.

    >>> tokens_of("we don't need 1,500 seats.")
    ['we', 'dont', 'need', '1,500', 'seats', '.']
    """
    found: list[str] = _TOKEN.findall(text.translate(APOSTROPHES))
    return found
