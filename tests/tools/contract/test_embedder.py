"""What every `Embedder` promises."""

import math

import pytest

from domain.ports.embedder import Embedder
from tools.embed.hashing import Hashing
from tools.embed.minilm import MiniLm
from tools.embed.weights import installed

TEXTS = [
    "We need 50 more seats",
    "My card was declined",
    "",
    "🙂\u0000\u202e" * 50,
    "a" * 50_000,
    "¿cuánto cuesta?",
]


@pytest.fixture(scope="module", params=["minilm", "hashing"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "hashing":
        return Hashing()
    folder = installed()
    assert folder is not None, "the weights come with `make setup`"
    return MiniLm(folder)


async def test_each_text_gets_a_vector_of_unit_length_in_order(embedder: Embedder) -> None:
    vectors = await embedder.embed(TEXTS)
    assert [len(vector) for vector in vectors] == [embedder.width] * len(TEXTS)
    assert all(math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-5) for vector in vectors)
    assert (await embedder.embed(TEXTS[:1]))[0] == vectors[0]


async def test_a_vector_follows_from_its_text_alone(embedder: Embedder) -> None:
    together = await embedder.embed(TEXTS)
    apart = [(await embedder.embed([text]))[0] for text in reversed(TEXTS)]
    assert together == apart[::-1]


async def test_nothing_asked_is_nothing_answered(embedder: Embedder) -> None:
    assert await embedder.embed([]) == []


async def test_texts_that_share_words_are_nearer(embedder: Embedder) -> None:
    one, near, far = await embedder.embed(
        ["a quote for seats", "a quote for more seats", "the weather in Oslo"]
    )
    assert sum(map(float.__mul__, one, near)) > sum(map(float.__mul__, one, far)) + 0.3


def test_only_a_stand_in_says_that_it_is_one(embedder: Embedder) -> None:
    assert embedder.stand_in is (embedder.name == "hashing")
