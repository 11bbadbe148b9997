"""CRMs under test: the target, the people who work beside it, and what the CRM itself has on record."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from domain.effect import Step, StepKind, StepReceipt, undo_of
from domain.ids import LeadId, TenantId
from domain.instants import Instant
from domain.ports.target import Subject, Target
from domain.signal import KeyKind, LeadKey
from tests.tools.crm.faulty import MemoryTarget
from tools.crm.embedded import EmbeddedCrm, People
from tools.crm.embedded.remote import RemoteCrm

ROOT = Path(__file__).resolve().parents[3]
TENANT, OTHER = TenantId("t1"), TenantId("t2")
LEAD, SECOND_LEAD = LeadId("ld_aaaaaaaaaaaaaaaaaaaa"), LeadId("ld_bbbbbbbbbbbbbbbbbbbb")
EMAIL = LeadKey(KeyKind.EMAIL, "5f0e")
SUBJECT = Subject(TENANT, LEAD, (EMAIL,))
SECOND = Subject(TENANT, SECOND_LEAD, (LeadKey(KeyKind.EMAIL, "77aa"),))
NOW = Instant(1_700_000_000_000_000)
SCORE = Step(StepKind.SET_FIELDS, {"points": "71", "band": "hot"})
TASK = Step(StepKind.CREATE_TASK, {"intent": "pricing", "queue": "emea"})


class FixedClock:
    """Tells `at`."""

    def __init__(self, at: Instant = NOW) -> None:
        self.at = at

    def now(self) -> Instant:
        """`at`."""
        return self.at


@dataclass
class CrmWorld:
    """One CRM. `people` changes it from outside, `ledger` and `counts` are its own record."""

    target: Target
    people: People | MemoryTarget
    ledger: Callable[[], list[tuple[str, StepKind]]]
    counts: Callable[[], dict[str, int]]

    async def undo(
        self, step: Step, receipt: StepReceipt, key: str, subject: Subject = SUBJECT
    ) -> StepReceipt:
        """Take a step back."""
        back = undo_of(step, receipt)
        assert back is not None
        return await self.target.send(back, subject, key=key)


def in_memory(**choices: Any) -> CrmWorld:
    """The twin."""
    crm = MemoryTarget(**choices)
    return CrmWorld(crm, crm, lambda: [(line.key, line.kind) for line in crm.ledger], crm.counts)


def beside(target: Target, crm: EmbeddedCrm) -> CrmWorld:
    """A target, and its file seen through `crm`."""
    return CrmWorld(
        target,
        crm.people,
        lambda: [(line.key, line.kind) for line in crm.reports.ledger()],
        crm.reports.counts,
    )


@dataclass
class Server:
    """A CRM in a process of its own, over a file."""

    file: Path
    module: str = "tools.crm.embedded.server"
    more: Iterable[str] = ()
    process: subprocess.Popen[str] = field(init=False)
    url: str = ""
    token: str = ""

    def __post_init__(self) -> None:
        command = [sys.executable, "-m", self.module, str(self.file), *self.more, "--port", "0"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        self.url, self.token = f"http://127.0.0.1:{ready['port']}", ready.get("token", "")

    def client(self, *, read_s: float = 10.0, **choices: Any) -> RemoteCrm:
        """A target that talks to it."""
        timeout = httpx.Timeout(30.0, read=read_s)
        return RemoteCrm(self.url, self.token, FixedClock(), timeout=timeout, deadline_s=90.0, **choices)

    def kill(self) -> None:
        """End it as the machine would: no signal handler runs."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
