"""Lexicon and taxonomy are read strictly, and phrases mean what their form says."""

from pathlib import Path

import pytest

from domain.errors import ConfigError
from domain.intent import Intent
from tools.reasoner.lexicon import load_lexicon
from tools.reasoner.phrases import Cue, PhraseBook, compiled
from tools.reasoner.taxonomy import load_taxonomy
from tools.reasoner.words import tokens_of

CONFIG = Path(__file__).resolve().parents[2] / "config"
LEXICON = (CONFIG / "lexicon.toml").read_text(encoding="utf-8")
TAXONOMY = (CONFIG / "taxonomy.toml").read_text(encoding="utf-8")
CUE = Cue(Intent.PRICING, 500, "x")


def found(phrase: str, text: str) -> list[tuple[int, int]]:
    return [(match.start, match.end) for match in PhraseBook([(phrase, CUE)]).matches(tokens_of(text))]


@pytest.mark.parametrize(
    ("phrase", "text", "places"),
    [
        ("how much", "how much", [(0, 2)]),
        ("how much", "much how", []),
        ("get|want a quote", "we want a quote", [(1, 4)]),
        ("get a? quote", "get quote", [(0, 2)]),
        ("get a? quote", "get a quote", [(0, 3)]),
        ("negotiat* price", "negotiating price", [(0, 2)]),
        ("get ... quote", "get me a good quote", [(0, 5)]),
        ("get ... quote", "get me a very good quote", []),
        ("get ... quote", "get me. a quote", []),
        ("get ... quote", "get, please, a quote", []),
        ("get ... quote", "get, please a quote", [(0, 5)]),
        ("Grün|STRASSE", "strasse grün", [(0, 1), (1, 2)]),
        ("a b", "a b a b", [(0, 2), (2, 4)]),
        ("get ... quote", "get", []),
    ],
)
def test_a_phrase_matches_what_its_form_says(phrase: str, text: str, places: list[tuple[int, int]]) -> None:
    assert found(phrase, text) == places


@pytest.mark.parametrize(
    ("phrase", "says"),
    [
        ("", "begin and end with a word"),
        ("... quote", "begin and end with a word"),
        ("get ...", "begin and end with a word"),
        ("a? quote", "first must not be optional"),
        ("don't", "leave out apostrophes"),
        ("pr* list", "needs 3 letters"),
        ("x a? b? c? d? e? f? g", "too many optional words"),
    ],
)
def test_a_phrase_that_cannot_be_meant_is_refused(phrase: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        compiled(phrase)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("reach = 4", "reach = 99", "reach must be"),
        ("reach = 4", "reich = 4", r"\[negation\] needs"),
        ("[negation]", "[negations]", r"\[negation\] is missing|\[negations\] means nothing"),
        ("confidence = 900", "confidence = 9000", "phrases 1 .*confidence must be per mille"),
        ('cue = "wants_no_person"', 'cue = "no person"', "denials 1 .*cue must be a code"),
        ("[[denials]]", "[[denial]]", r"\[denials\] is missing|\[denial\] means nothing"),
        ('cue = "wants_to_buy"', 'cue = "wants to buy"', "cue must be a code"),
        ('intent = "purchase"', 'intent = "buy"', "intent must be one of"),
        ('"not only"', '"only"', "pairs of words"),
        ('kinds = ["web.page_view"]', 'kinds = ["web.page"]', "'web.page' is no kind of signal"),
        ("at_least = { pricing_pages = 1 }", "at_least = { price = 1 }", "'price' is no field of"),
        ("at_least = { pricing_pages = 1 }", 'at_least = { pricing_pages = "1" }', "needs numbers"),
        ('"become a customer"', '"become ..."', "begin and end with a word"),
        ('cue = "wants_to_buy"', 'cue = "x"\nmore = 1', "nothing unknown"),
        ("reach = 4", "reach =", "is not TOML"),
    ],
)
def test_a_mistake_in_the_lexicon_is_named(tmp_path: Path, before: str, after: str, says: str) -> None:
    assert before in LEXICON
    file = tmp_path / "lexicon.toml"
    file.write_text(LEXICON.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=says) as caught:
        load_lexicon(file, load_taxonomy(CONFIG / "taxonomy.toml"))
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("[intent.demo]", "[intent.demos]", "intent.demo"),
        ("version = 1", "version = 0", "version must be"),
        ("version = 1", "", "needs version"),
        ('title = "Wants to buy"', 'name = "Wants to buy"', r"\[intent.purchase\] needs"),
        ('title = "Wants to buy"', "title = 1", "must be texts"),
        ('examples = ["I am', 'examples = [1, "I am', "must be a list of sentences"),
    ],
)
def test_a_mistake_in_the_taxonomy_is_named(tmp_path: Path, before: str, after: str, says: str) -> None:
    assert before in TAXONOMY
    file = tmp_path / "taxonomy.toml"
    file.write_text(TAXONOMY.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=says) as caught:
        load_taxonomy(file)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="check the path"):
        load_taxonomy(tmp_path / "none.toml")


def test_the_version_follows_the_content(tmp_path: Path) -> None:
    taxonomy = load_taxonomy(CONFIG / "taxonomy.toml")
    file = tmp_path / "lexicon.toml"
    file.write_text(LEXICON.replace("confidence = 900", "confidence = 901", 1), encoding="utf-8")
    assert load_lexicon(file, taxonomy).version != load_lexicon(CONFIG / "lexicon.toml", taxonomy).version
