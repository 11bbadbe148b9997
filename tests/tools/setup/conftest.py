"""A person in an empty folder, and accounts that have nothing of ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.setup.fresh import FreshChatwoot, FreshHubSpot
from tests.tools.setup.person import Desk
from tests.tools.vendor_server import Wire


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, capsys)


@pytest.fixture
def hubspot() -> Iterator[tuple[FreshHubSpot, Wire, str]]:
    fake = FreshHubSpot()
    wire = Wire(fake)
    with wire.served() as url:
        yield fake, wire, url


@pytest.fixture
def chatwoot() -> Iterator[tuple[FreshChatwoot, Wire, str]]:
    fake = FreshChatwoot()
    wire = Wire(fake)
    with wire.served() as url:
        yield fake, wire, url
