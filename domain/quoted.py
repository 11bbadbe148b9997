"""Customers' words as evidence: cleaned so that they do nothing, and told by their type from everything else.

Policy and actuation take no other free text: what they hold of a customer's words is a `Quoted`.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

LONGEST_QUOTE: Final = 200
_LINK: Final = re.compile(
    r"(?:[a-z][a-z0-9+.\-]*://|www\.|\b(?:javascript|vbscript|mailto|data|file):(?=\S))[^\s()]+",
    re.IGNORECASE,
)
_MARKUP: Final = re.compile(r"<[^>]{0,500}>|[<>`*_\[\]|]")
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
"""Letters that show as nothing."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote of the signal `ref`. Whatever it is made of, it is inert: making one cleans the text."""

    ref: str
    text: str

    def __post_init__(self) -> None:
        """Clean, so that no unclean one can be."""
        object.__setattr__(self, "text", inert(self.text))


def inert(text: str, longest: int = LONGEST_QUOTE) -> str:
    """`text` as a quote that does nothing: no control or invisible characters, links, markup; cut.

    >>> inert("see <b>http://x.example/a</b>" + chr(0x200b))
    'see link'
    """
    words = _cleaned(text)
    return words if len(words) <= longest else words[: longest - 1] + "…"


def visible(text: str) -> str:
    """`text` without what a person does not see: control, format and private characters, fillers, selectors.

    >>> visible("a" + chr(0x202e) + "b" + chr(0xfe0f) + chr(9) + "c")
    'abc'
    """
    shown = "".join(one for one in unicodedata.normalize("NFKC", text) if _shows(one))
    return unicodedata.normalize("NFKC", shown)


def _cleaned(text: str) -> str:
    return " ".join(_MARKUP.sub(" ", _LINK.sub("link", _MARKUP.sub(" ", visible(text)))).split())


def _shows(one: str) -> bool:
    if one in {" ", "\n"}:
        return True
    return unicodedata.category(one)[0] != "C" and one not in _FILLERS and not _selects(one)


def _selects(one: str) -> bool:
    """A variation selector: invisible, and there are enough of them to carry a message."""
    return "\ufe00" <= one <= "\ufe0f" or "\U000e0100" <= one <= "\U000e01ef"
