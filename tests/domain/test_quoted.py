"""Customers' words as evidence do nothing, whatever they are made of."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quoted import LONGEST_QUOTE, Quoted, inert, visible

TRICKS = st.sampled_from(
    ["<b>", "<<a>", "http://x.example/a", "www.x.example", "javascript:alert(1)", "[a](b)", "\x1b[31m", "\u202e",
     "\u200b", "\ufe0f", "\U000e0041", "\U000e0101", "\u3164", "…", "ﬁ", "`", "|", "\x00", "e\u200b\u0301", " ", "a"]
)  # fmt: skip
TEXTS = st.lists(st.one_of(TRICKS, st.text(max_size=8)), max_size=60).map("".join)


@given(text=TEXTS)
def test_a_quote_is_inert_whatever_it_is_made_of(text: str) -> None:
    shown = Quoted("s:1", text).text
    assert len(shown) <= LONGEST_QUOTE
    assert not re.search(r"[<>`*_\[\]|]|://|www\.\w", shown)
    assert all(one == " " or unicodedata.category(one)[0] not in "CZ" for one in shown)


@given(text=TEXTS)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert inert(inert(text, 10_000), 10_000) == inert(text, 10_000)


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u202e", "\U000e0049", "\ufe0f", "\U000e0102", "\u3164", "\x1b", "\ue000"]
)
def test_what_nobody_sees_is_not_there(hidden: str) -> None:
    assert visible(f"a{hidden}b") == "ab"
