"""What was decided, read off the stored decisions: who scored which lead how, in which arm."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from domain.label import Label, LabelKind
from domain.ports.home import Home
from domain.ports.reads import StoredDecision
from domain.rollout import Arm, unit_of

ARM_FLAG = "arm:"


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision with a score about a lead whose outcome was open. `account` None: it has none."""

    decision_id: str
    lead_id: str
    unit: str
    account: str | None
    region: str
    at: int
    version: str
    """Of the scorer."""
    arm: Arm
    band: str
    points: int
    log_odds: int | None
    """Calibrated micro log-odds; None by a scorer that knows no probability."""
    first_seen: int
    """Instant of the lead's first signal."""


@dataclass(frozen=True, slots=True)
class Whose:
    """What is known of a lead now."""

    unit: str
    account: str | None
    region: str
    first_seen: int


async def decided(home: Home, whose: Mapping[str, Whose], *, since: int = 0) -> AsyncIterator[Decided]:
    """Decisions about the leads of `whose` as of `since` or later, in the order of their commit.

    What was decided about a lead before it was merged into another, or forgotten, is left out.
    """
    async for batch in home.reads.decisions(home.tenant):
        for stored in batch:
            found = _decided(stored, whose) if stored.as_of >= since else None
            if found is not None:
                yield found


async def leads_now(home: Home) -> Mapping[str, Whose]:
    """Every canonical lead that may be processed."""
    found: dict[str, Whose] = {}
    async for batch in home.reads.leads(home.tenant):
        for lead in batch:
            if not lead.suppressed:
                first = lead.events[0].at if lead.events else 0
                found[lead.lead_id] = Whose(unit_of(lead), lead.account, lead.region, first)
    return found


def _decided(stored: StoredDecision, whose: Mapping[str, Whose]) -> Decided | None:
    lead = whose.get(stored.lead_id)
    content: Mapping[str, Any] = orjson.loads(stored.content)
    score = content["score"]
    if lead is None or score is None or not 0 < score["points"] < 100:
        return None
    arm = next(
        (flag.removeprefix(ARM_FLAG) for flag in content["flags"] if flag.startswith(ARM_FLAG)), "champion"
    )
    return Decided(
        decision_id=stored.decision_id,
        lead_id=stored.lead_id,
        unit=lead.unit,
        account=lead.account,
        region=lead.region,
        at=stored.as_of,
        version=content["versions"].get("scorer", ""),
        arm=Arm(arm),
        band=content["band"]["band"],
        points=score["points"],
        log_odds=score.get("log_odds") if score["unit"] == "probability" else None,
        first_seen=lead.first_seen,
    )


@dataclass(frozen=True, slots=True)
class Ends:
    """What became of leads: Instants at which each was won or lost, and those that sales said are no leads."""

    won: Mapping[str, tuple[int, ...]]
    lost: Mapping[str, tuple[int, ...]]
    no_leads: frozenset[str]
    labels: tuple[Label, ...]

    def won_by(self, lead_id: str, after: int, until: int) -> int | None:
        """Instant of the first sale in (`after`, `until`]; None if there was none."""
        return next((at for at in self.won.get(lead_id, ()) if after < at <= until), None)


async def ends(home: Home) -> Ends:
    """Outcomes as they stand: one that was taken back counts as if it had not been."""
    labels = tuple(await home.feedback.labels(home.tenant))
    by_lead: dict[str, list[tuple[int, str]]] = {}
    no_leads = {label.lead_id for label in labels if label.kind is LabelKind.NOT_A_LEAD}
    for label in sorted(labels, key=lambda one: (one.at, one.known_at)):
        if label.kind is not LabelKind.OUTCOME:
            continue
        told = by_lead.setdefault(label.lead_id, [])
        if label.value == "reverted":
            if told:
                told.pop()
        else:
            told.append((label.at, label.value))
    return Ends(_of(by_lead, "won"), _of(by_lead, "lost"), frozenset(no_leads), labels)


def _of(by_lead: Mapping[str, list[tuple[int, str]]], value: str) -> dict[str, tuple[int, ...]]:
    found = {lead: tuple(at for at, said in told if said == value) for lead, told in by_lead.items()}
    return {lead: times for lead, times in found.items() if times}
