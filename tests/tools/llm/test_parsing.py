"""The one parser: what it takes, and that it never repeats what it read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.llm.asked import GOOD, Form
from tools.llm.parsing import Unfit, read


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"  {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```",
        f"Here it is:\n```json\n{GOOD}\n```\nBye.",
        GOOD.replace('"ok"', '"``` ```"'),
    ],
)
def test_json_is_taken_alone_or_in_one_fenced_block(text: str) -> None:
    """Nothing else around it counts."""
    assert Form.model_validate_json(read(text, Form)).parts[0].sure == 0.5


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("", "the whole", "json_invalid"),
        ("nothing", "the whole", "json_invalid"),
        (f"{GOOD} and more", "the whole", "json_invalid"),
        (f"```\n{GOOD}\n```\n```\n{GOOD}\n```", "the whole", "json_invalid"),
        ("[" * 100_000, "the whole", "json_too_deep"),
        ('{"parts": [], "note": "a", "note": "b"}', "the whole", "duplicate_key"),
        ('{"parts": [{"wish": "buy", "sure": -Infinity}]}', "the whole", "not_a_finite_number"),
        ('{"parts": [{"wish": "buy", "sure": 2e308}]}', "the whole", "not_a_finite_number"),
        ('{"parts": [], "note": "\\ud800"}', "the whole", "json_invalid"),
        ('{"parts": [{"wish": "buy", "sure": "0.5"}]}', "parts.0.sure", "float_type"),
        ('{"parts": [{"wish": "buy", "sure": 1.5}]}', "parts.0.sure", "less_than_equal"),
        ('{"parts": [{"wish": "BUY", "sure": 0.5}]}', "parts.0.wish", "enum"),
        ('{"parts": [], "my secret": 1}', "?", "extra_forbidden"),
        ('{"parts": [], "note": "' + "x" * 21 + '"}', "note", "string_too_long"),
        ("[]", "the whole", "model_type"),
        ("{}", "parts", "missing"),
    ],
)
def test_what_does_not_fit_is_named_by_place_and_rule(text: str, place: str, code: str) -> None:
    """The place is in names of the form."""
    with pytest.raises(Unfit) as caught:
        read(text, Form)
    assert (caught.value.place, caught.value.code) == (place, code)


@given(st.text(max_size=60))
def test_no_text_comes_through_that_is_not_in_form(text: str) -> None:
    """It is the form's JSON, or Unfit; nothing else is raised."""
    try:
        found = read(text, Form)
    except Unfit:
        return
    assert Form.model_validate_json(found).model_dump_json() == found
