"""Logging in at Salesforce with a signed statement instead of a secret."""

from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from domain.errors import ConfigError, Unauthorized
from tests.tools.crm.fake_salesforce import CLIENT_ID, FakeSalesforce
from tests.tools.crm.vendor_worlds import LOCAL, salesforce_account
from tests.tools.crm.worlds import NOW, SCORE, SUBJECT
from tests.tools.vendor_server import Wire
from tools.login import StatementLogin
from tools.settings import find_settings
from tools.vendors import login_of

USER = "bot@company.example"
LOGIN = "https://login.salesforce.com"


def pem(key: Any) -> bytes:
    """A private key as a file holds it."""
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """The client's."""
    return rsa.generate_private_key(65_537, 2_048)


def login(file: Path, wire: Wire) -> StatementLogin:
    """As the settings make it, at a time of its own."""
    return StatementLogin(
        LOCAL, CLIENT_ID, "", wire.transport(), key_file=file, subject=USER, now=lambda: NOW
    )


async def test_a_statement_lets_us_in_and_a_new_one_when_the_token_has_expired(
    tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    (tmp_path / "key.pem").write_bytes(pem(key))
    stated: list[dict[str, Any]] = []

    def judge(assertion: str) -> bool:
        claims = jwt.decode(
            assertion, key.public_key(), ["RS256"], audience=LOGIN, options={"verify_exp": False}
        )
        stated.append(claims)
        return True

    wire = Wire(FakeSalesforce(stated=judge))
    account = salesforce_account(tmp_path, wire, renew=login(tmp_path / "key.pem", wire))
    await account.target.send(SCORE, SUBJECT, key="k1")
    wire.fake.token = "another-session"
    await account.target.send(SCORE, SUBJECT, key="k2")
    assert len(wire.fake.ledger) == 2
    seconds = NOW // 1_000_000
    assert stated == [{"iss": CLIENT_ID, "sub": USER, "aud": LOGIN, "exp": seconds + 120}] * 2


async def test_a_statement_that_is_not_accepted_is_named_and_nothing_of_the_key_shows(
    tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    (tmp_path / "key.pem").write_bytes(pem(key))
    wire = Wire(FakeSalesforce())
    account = salesforce_account(tmp_path, wire, renew=login(tmp_path / "key.pem", wire))
    with pytest.raises(Unauthorized) as refused:
        await account.target.look(SUBJECT)
    assert refused.value.setting == "crm_jwt_key_file"
    assert "secret" not in str(refused.value)


async def test_a_key_that_will_not_do_says_why_and_not_what_it_holds(tmp_path: Path) -> None:
    wire, file = Wire(FakeSalesforce()), tmp_path / "key.pem"
    files = {
        "PEM": b"-----BEGIN PRIVATE KEY-----\nsecret words\n-----END PRIVATE KEY-----",
        "RSA": pem(ec.generate_private_key(ec.SECP256R1())),
        "2048": pem(rsa.generate_private_key(65_537, 1_024)),  # noqa: S505 - it is to be refused
    }
    for named, content in files.items():
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=named) as wrong:
            await login(file, wire)(None)
        assert "secret words" not in str(wrong.value)
    file.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        await login(file, wire)(None)


def test_the_settings_choose_the_statement_where_there_is_a_key(tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "home": tmp_path, "crm": "salesforce", "crm_url": LOCAL, "crm_client_id": CLIENT_ID,
        "crm_jwt_key_file": tmp_path / "key.pem", "crm_jwt_user": USER,
    }  # fmt: skip
    found = login_of(find_settings({}, **given).settings)
    assert isinstance(found, StatementLogin)
    assert (found.setting, found.audience) == ("crm_jwt_key_file", LOGIN)
    with pytest.raises(ConfigError, match="crm_jwt_user"):
        login_of(find_settings({}, **{**given, "crm_jwt_user": None}).settings)
