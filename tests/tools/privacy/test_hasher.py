"""Contact data as keyed hashes: what is equal, what is not, and what is refused without being quoted."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput, ConfigError
from tools.privacy.hasher import ContactHasher, role_addresses

ROLES = Path(__file__).resolve().parents[3] / "config" / "role_addresses.txt"
HASHER = ContactHasher(b"s" * 32, role_addresses(ROLES), tenant="acme")


@pytest.mark.parametrize("written", [
    "Anna.Berg@Example.com", "anna.berg@EXAMPLE.COM", "  anna.berg@example.com\n", "ANNA.BERG@example.com",
])  # fmt: skip
def test_one_address_however_written_is_one_key(written: str) -> None:
    """Case and surrounding blanks say nothing about the person."""
    assert HASHER.email(written) == HASHER.email("anna.berg@example.com")


@pytest.mark.parametrize("other", [
    "annaberg@example.com", "anna.berg+crm@example.com", "anna.berg@example.org", "anna.berg@sub.example.com",
])  # fmt: skip
def test_what_may_be_another_person_is_another_key(other: str) -> None:
    """Dots and plus tags stay: they are equal at some hosts only, and a wrong join cannot be unseen."""
    assert HASHER.email(other)[0] != HASHER.email("anna.berg@example.com")[0]


def test_an_international_domain_is_one_key_in_both_spellings() -> None:
    """As the browser shows it, and as it is sent."""
    assert HASHER.email("anna@münchen.de") == HASHER.email("anna@xn--mnchen-3ya.de")


def test_a_composed_letter_is_one_key_in_both_spellings() -> None:
    """U+00E9, and e with U+0301."""
    assert HASHER.email("ren\u00e9@example.com") == HASHER.email("rene\u0301@example.com")


@pytest.mark.parametrize("address", [
    "info@example.com", "Sales@example.com", "support+de@example.com", "kontakt@example.de",
    "noreply@example.com",
    "büro@example.de",
])  # fmt: skip
def test_shared_addresses_are_flagged(address: str) -> None:
    """So that they never join two leads."""
    assert HASHER.email(address)[1] is True


@pytest.mark.parametrize("address", ["anna@example.com", "info.berg@example.com", "salesman@example.com"])
def test_personal_addresses_are_not_flagged(address: str) -> None:
    """Only the whole part before the @ counts."""
    assert HASHER.email(address)[1] is False


def test_the_hash_hides_the_address_and_depends_on_secret_and_tenant() -> None:
    """Neither another installation nor another tenant gets the same key."""
    mine = HASHER.email("anna@example.com")[0]
    assert len(mine) == 32
    assert set(mine) <= set("0123456789abcdef")
    others = (
        ContactHasher(b"t" * 32, frozenset(), tenant="acme"),
        ContactHasher(b"s" * 32, frozenset(), tenant="zeta"),
    )
    assert mine not in {other.email("anna@example.com")[0] for other in others}


@pytest.mark.parametrize("bad", [
    "", "anna", "anna@", "@example.com", "anna@b", "anna berg@example.com", "anna@exa mple.com",
    "anna@@example.com",
    "Anna <anna@example.com>", "anna@example.com, bert@example.com", "a" * 300 + "@example.com",
    "anna@[127.0.0.1]",
    "anna@localhost", "anna\0@example.com", "anna\n@example.com", "anna@example..com",
    '"anna berg"@example.com',
])  # fmt: skip
def test_a_bad_address_is_refused_without_being_quoted(bad: str) -> None:
    """The reason goes to logs and to people who must not see it."""
    with pytest.raises(BadInput) as told:
        HASHER.email(bad)
    assert (told.value.field, told.value.code) == ("keys.email", "email")
    assert "anna" not in str(told.value)
    assert told.value.__suppress_context__


@given(st.text(max_size=40))
def test_any_text_is_hashed_or_refused(raw: str) -> None:
    """Nothing else can come out of the door."""
    hashes = []
    with suppress(BadInput):
        hashes.append(HASHER.email(raw)[0])
    for region in ("eu", "us"):
        with suppress(BadInput):
            hashes.append(HASHER.phone(raw, region))
    assert [found for found in hashes if len(found) != 32] == []


@pytest.mark.parametrize(("written", "region"), [
    ("+49 30 901820", "eu"), ("+49 (0)30 / 901820", "eu"), ("030 901820", "de"), ("0049 30 901820", "de"),
    ("+4930901820", "us"), ("tel:+49-30-901820", "eu"),
])  # fmt: skip
def test_one_number_however_written_is_one_key(written: str, region: str) -> None:
    """International form, national form with its country, and with separators."""
    assert HASHER.phone(written, region) == HASHER.phone("+4930901820", "eu")


def test_data_regions_that_are_countries_are_understood() -> None:
    """`uk` is not the country's code, but everybody says it."""
    assert HASHER.phone("020 7946 0958", "uk") == HASHER.phone("+442079460958", "eu")
    assert HASHER.phone("(202) 456-1111", "us") == HASHER.phone("+12024561111", "eu")


def test_extensions_of_one_switchboard_are_different_keys() -> None:
    """They are different people."""
    numbers = {HASHER.phone(f"+49 30 901820{ext}", "eu") for ext in ("", " ext. 12", " ext. 13")}
    assert len(numbers) == 3


@pytest.mark.parametrize(("bad", "region"), [
    ("", "us"), ("call me", "us"), ("030 901820", "eu"), ("123", "us"), ("+49", "eu"), ("0000000000", "us"),
    ("+1 111 111 1111", "eu"), ("9" * 60, "us"), ("+999 123456789", "eu"), ("+49 30 901820" + " " * 40, "eu"),
])  # fmt: skip
def test_a_bad_number_is_refused_without_being_quoted(bad: str, region: str) -> None:
    """National form without a country, placeholders, text."""
    with pytest.raises(BadInput) as told:
        HASHER.phone(bad, region)
    assert (told.value.field, told.value.code) == ("keys.phone", "phone")
    assert not any(part in str(told.value) for part in ("901820", "111", "999", "call"))


def test_an_address_and_a_number_never_share_a_key() -> None:
    """Each kind has a space of its own."""
    assert HASHER.email("anna@example.com")[0] != HASHER.phone("+4930901820", "eu")


def test_the_list_of_role_addresses_is_clean() -> None:
    """Known desks are in it; it is lower case, without doubles."""
    words = [line.split("#")[0].strip() for line in ROLES.read_text("utf-8").splitlines()]
    words = [word for word in words if word]
    assert {"info", "sales", "support", "admin", "kontakt"} <= role_addresses(ROLES)
    assert sorted(word for word in set(words) if words.count(word) > 1) == []
    assert [word for word in words if word != word.casefold()] == []


@pytest.mark.parametrize("line", ["info@example.com", "two words"])
def test_a_wrong_line_in_the_list_is_named(tmp_path: Path, line: str) -> None:
    """With its number."""
    file = tmp_path / "roles.txt"
    file.write_text(f"# remark\ninfo\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 3"):
        role_addresses(file)


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    """Rather than flagging nothing."""
    with pytest.raises(ConfigError, match=r"roles\.txt"):
        role_addresses(tmp_path / "roles.txt")
