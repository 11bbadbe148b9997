"""Contact data becomes keyed hashes at the door: equal addresses, equal hashes, and no way back."""

import hmac
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from domain.errors import BadInput, ConfigError

LENGTH = 32
"""Hex digits that are kept of the HMAC: 128 bits."""
MARK_LENGTH = 16
CACHED = 65_536
ALIASES = {"UK": "GB"}
LONGEST_EMAIL, LONGEST_PHONE = 254, 40


class ContactHasher:
    """Satisfies `domain.ports.vault.KeyHasher`.

    Addresses are compared with the domain in lower case (its international name in ASCII) and the part before
    the @ case-folded. Plus tags and dots stay (decision 0006): joining two people wrongly is worse than not
    joining one. The same contact has another hash in another tenant.
    """

    def __init__(self, secret: bytes, roles: frozenset[str], *, tenant: str = "") -> None:
        """`secret` of this installation; `roles` as `role_addresses` reads them."""
        self._secret = secret
        self._roles = roles
        self._tenant = tenant
        self._emails = lru_cache(CACHED)(self._email)
        self._phones = lru_cache(CACHED)(self._phone)

    def email(self, raw: str) -> tuple[str, bool]:
        """(keyed hash, is it a role address such as info@). Raises: BadInput, never quoting the address."""
        return self._emails(raw)

    def phone(self, raw: str, region: str) -> str:
        """Keyed hash of the number in E.164, with its extension if it has one.

        `region` is a country code (or the data region ``uk``, ``us``); where it names no country, such as
        ``eu``, only international form is understood. Raises: BadInput, never quoting the number.
        """
        return self._phones(raw, region)

    def _email(self, raw: str) -> tuple[str, bool]:
        try:
            found = validate_email(raw.strip()[: LONGEST_EMAIL + 1], check_deliverability=False)
        except EmailNotValidError:
            raise BadInput(
                "keys.email", "not a complete e-mail address", "send it as name@domain", code="email"
            ) from None
        local = found.local_part.casefold()
        role = local.split("+", 1)[0] in self._roles
        return self._hash("email", f"{local}@{found.ascii_domain or found.domain}"), role

    def _phone(self, raw: str, region: str) -> str:
        country = ALIASES.get(region.upper(), region.upper())
        known = country if country in phonenumbers.SUPPORTED_REGIONS else None
        try:
            number = phonenumbers.parse(raw[:LONGEST_PHONE], known)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or len(raw) > LONGEST_PHONE or not _plausible(number):
            raise BadInput(
                "keys.phone",
                "not a possible phone number",
                "send it in international form: + and the country code first",
                code="phone",
            )
        plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        return self._hash("phone", f"{plain};{number.extension}" if number.extension else plain)

    def _hash(self, kind: str, plain: str) -> str:
        message = f"{kind}\0{self._tenant}\0{plain}".encode()
        return hmac.digest(self._secret, message, "sha256").hex()[:LENGTH]


def role_addresses(file: Path) -> frozenset[str]:
    """The parts before the @ that belong to no one person: one a line, ``#`` starts a remark.

    Raises: ConfigError naming the file and line.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: the list of role addresses cannot be read") from error
    found = set()
    for number, line in enumerate(lines, start=1):
        word = line.split("#", 1)[0].strip().casefold()
        if "@" in word or len(word.split()) > 1:
            raise ConfigError(f"{file}, line {number}: give one name a line, only the part before the @")
        if word:
            found.add(word)
    return frozenset(found)


def _plausible(number: phonenumbers.PhoneNumber) -> bool:
    """Of a possible length, and no placeholder of one repeated digit."""
    return phonenumbers.is_possible_number(number) and len(set(str(number.national_number))) > 1


def contact_hasher(secret: bytes, tables: Path, *, tenant: str) -> ContactHasher:
    """The hasher of an installation, with the role addresses in the folder `tables`. Raises: ConfigError."""
    return ContactHasher(secret, role_addresses(tables / "role_addresses.txt"), tenant=tenant)


def text_mark(secret: bytes) -> Callable[[str], str]:
    """Marks texts off for a language model: a keyed hash that whoever writes a text cannot know."""
    key = hmac.digest(secret, b"text mark", "sha256")

    def mark(text: str) -> str:
        return hmac.digest(key, text.encode(), "sha256").hex()[:MARK_LENGTH]

    return mark
