"""Words hashed into a vector: what stands in where no model is installed. It knows no meaning, only shared words."""

import math
import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from domain.ports.embedder import Vector

WIDTH: Final = 384
MOST_CHARACTERS: Final = 4_000
_WORD: Final = re.compile(r"\w+")


class Hashing:
    """An `Embedder` that says that it is a stand-in. Texts are alike as far as they share words."""

    name = "hashing"
    width = WIDTH
    stand_in = True

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """See `Embedder`. Never fails."""
        return [_vector(text) for text in texts]


def _vector(text: str) -> Vector:
    """Each word adds or takes one at a place of its own; the first place stands for a text without words."""
    numbers = [0.0] * WIDTH
    for word in _WORD.findall(text[:MOST_CHARACTERS].casefold()):
        digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        numbers[int.from_bytes(digest[:4], "big") % WIDTH] += 1.0 if digest[4] & 1 else -1.0
    length = math.sqrt(math.fsum(number * number for number in numbers))
    if not length:
        return (1.0, *numbers[1:])
    return tuple(number / length for number in numbers)
