"""Files of cases and traces: what cannot be trusted is refused by name, and what is kept comes back as it was."""

from pathlib import Path

import pytest

from domain.errors import BadInput
from evals.cases import Case, Trace, card_of, checked, load_cases, load_traces, save
from tests.evals.made_up import traces


def case(number: int, **more: object) -> Case:
    return Case.model_validate({"id": f"c{number}", "suite": "scoring", "dataset": "made_up", **more})


def test_traces_come_back_as_they_were(tmp_path: Path) -> None:
    made = traces(n=90)
    save(tmp_path / "t.jsonl", made)
    assert load_traces(tmp_path / "t.jsonl") == made


def test_the_same_cases_have_the_same_hash_and_others_another(tmp_path: Path) -> None:
    one, two = [case(1), case(2)], [case(1), case(3)]
    first = save(tmp_path / "a.jsonl", one)
    assert save(tmp_path / "b.jsonl", one) == first
    assert save(tmp_path / "c.jsonl", two) != first
    assert card_of(one, source="s", split="x").sha256 == first


def test_a_case_there_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="c1: is there twice"):
        checked([case(1), case(1)])


def test_an_account_may_not_be_learnt_from_and_judged() -> None:
    """A colleague's outcome tells on the lead."""
    both = [case(1, part="train", account="acme"), case(2, part="test", account="acme")]
    with pytest.raises(BadInput, match="account acme"):
        checked(both)
    assert checked([both[0], case(2, part="test", account="other")])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"id": "a", "suite": "scoring", "dataset": "x", "colour": 1}', "colour"),
        (b'{"id": "a", "suite": "Scoring", "dataset": "x"}', "suite"),
        (b'{"id": "a", "dataset": "x"}', "suite"),
        (b'{"id": "a"', "the line"),
        (b"\xff\xfe", "the line"),
        (b"[1]", "the line"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_field(tmp_path: Path, line: bytes, words: str) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_bytes(case(1).model_dump_json().encode() + b"\n" + line + b"\n")
    with pytest.raises(BadInput) as refused:
        load_cases(file)
    assert "cases.jsonl:2" in refused.value.field
    assert words in refused.value.field


def test_a_file_that_is_not_there_or_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load_traces(tmp_path / "none.jsonl")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="cannot be written"):
        save(tmp_path / "file" / "t.jsonl", [case(1)])


def test_a_card_says_how_many_of_how_many_accounts() -> None:
    cases = [case(1, account="a", target=1, at=0), case(2, account="a", target=0), case(3, target=1)]
    card = card_of(cases, source="s", split="x")
    assert (card.cases, card.won, card.accounts, card.first) == (3, 2, 2, "1970-01-01")
    with pytest.raises(BadInput):
        card_of([], source="s", split="x")


def test_a_trace_may_not_take_less_than_no_time() -> None:
    with pytest.raises(ValueError, match="seconds"):
        Trace(case=case(1), output={}, seconds=-1)
