"""What tests of memory build with: stores of vectors of each kind, texts, and a record that says what it is told."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from domain.ids import AccountId, LeadId, Region, TenantId
from domain.instants import Instant, instant
from domain.kinds import Kind
from domain.lead import LeadState
from domain.memory import Case
from domain.signal import KeyKind, LeadKey, Signal
from tools.embed.hashing import Hashing

TENANT, RIVAL, REGION = TenantId("acme"), TenantId("rival"), Region("eu")
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOW = instant(AT)
EMBEDDER = Hashing()


def said(
    name: str, text: str, *, tenant: TenantId = TENANT, region: Region = REGION, role: str = "customer"
) -> Signal:
    """A turn of a talk."""
    return Signal(
        tenant=tenant,
        region=region,
        source="chat",
        id=name,
        kind=Kind.MESSAGE,
        keys=(LeadKey(KeyKind.CRM_ID, name),),
        occurred_at=AT,
        received_at=AT,
        known_at=AT,
        payload={"role": role, "text": text},
    )


def lead(name: str, *, tenant: TenantId = TENANT, account: str | None = None) -> LeadState:
    return LeadState(LeadId(name), tenant, REGION, account=AccountId(account) if account else None)


@dataclass
class Told:
    """The `Cases` it is told of, by tenant and region."""

    closed: dict[tuple[TenantId, Region], list[Case]] = field(default_factory=dict)

    async def enough(self, tenant: TenantId, region: Region, *, before: int, floor: int) -> bool:
        return len(self.closed.get((tenant, region), ())) >= floor

    async def cases(
        self, tenant: TenantId, region: Region, refs: Sequence[str], *, before: int
    ) -> Sequence[Case]:
        return [case for case in self.closed.get((tenant, region), ()) if case.ref in set(refs)]


class Stopped:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> Instant:
        return Instant(self.at)


@contextmanager
def chroma_server(folder: Path) -> Iterator[str]:
    """The real server on a port of this machine: its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(folder)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address)
        yield address
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(address: str) -> None:
    for _ in range(400):
        try:
            httpx.get(f"{address}/api/v2/heartbeat", timeout=1.0).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not come up")
