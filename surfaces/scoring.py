"""Scoring without committing: one lead, all leads as of a time, or leads from a file in a throw-away home."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace

from domain.band_moves import Moves
from domain.decision import RunInput
from domain.ids import LeadId, RunId
from domain.lead import AccountSnapshot, BandState, LeadState
from domain.override import OverrideRow
from domain.ports.home import Home
from domain.score import Score
from graph.build import Graph
from graph.deps import Collector, Deps
from graph.run import Ran, run_lead
from surfaces.band_moves import moves_of
from surfaces.pinning import pinned


@dataclass(frozen=True, slots=True)
class Scored:
    """One lead scored as of a time: nothing was stored."""

    lead: LeadState
    keys: tuple[str, ...]
    ran: Ran
    fixed: tuple[OverrideRow, ...] = ()
    """What people had fixed about it by then."""
    moves: Moves | None = None
    """What would change its band; asked for one lead alone."""


async def question(home: Home, lead: LeadState, as_of: int, fixed: Sequence[OverrideRow] = ()) -> RunInput:
    """The input of a run that only asks: no new signal, account and band computed afresh as of `as_of`.

    The band is folded from the lead's first event, so the answer does not depend on how the home was filled.
    """
    account = None
    if lead.account is not None:
        members = await home.accounts.members(lead.tenant, lead.account)
        account = AccountSnapshot(lead.account, 0, as_of, home.catalogue.account_values(members, as_of))
    asked = RunInput(
        run_id=RunId(f"rn_ask_{lead.lead_id}"),
        as_of=as_of,
        reason="question",
        lead=replace(lead, band=BandState()),
        new=(),
        recent=(),
        account=account,
        reps=tuple(await home.reads.reps(lead.tenant, now=as_of)),
        quality=(),
        versions=home.versions,
        overrides=tuple(row.override for row in fixed),
    )
    return replace(pinned(home, asked), shadow="")


async def score_lead(
    home: Home, graph: Graph, deps: Deps, lead_id: LeadId, as_of: int, *, collector: Collector | None = None
) -> Scored | None:
    """Score one lead as of a time, telling `collector` of each transition; None if there is no such lead."""
    lead = await home.reads.lead(home.tenant, lead_id)
    if lead is None:
        return None
    fixed = await home.feedback.overrides(home.tenant, at=as_of, lead_id=lead_id)
    scored = await _scored(home, graph, deps, lead, as_of, fixed=fixed, collector=collector)
    return replace(scored, moves=moves_of(home, lead, scored.ran.decision))


async def score_all(home: Home, graph: Graph, deps: Deps, as_of: int) -> AsyncIterator[Scored]:
    """Score every lead as of a time, in the order of their keys' home batches; memory stays bounded."""
    held: dict[str, list[OverrideRow]] = {}
    for row in await home.feedback.overrides(home.tenant, at=as_of):
        held.setdefault(row.lead_id, []).append(row)
    async for batch in home.reads.leads(home.tenant):
        for lead in batch:
            if not lead.suppressed:
                yield await _scored(home, graph, deps, lead, as_of, fixed=held.get(lead.lead_id, ()))


async def _scored(
    home: Home,
    graph: Graph,
    deps: Deps,
    lead: LeadState,
    as_of: int,
    *,
    fixed: Sequence[OverrideRow],
    collector: Collector | None = None,
) -> Scored:
    ran = await run_lead(graph, deps, await question(home, lead, as_of, fixed), collector=collector)
    keys = await home.reads.keys(home.tenant, lead.lead_id)
    named = tuple(f"{key.kind.value}:{key.value}" for key in sorted(keys))
    return Scored(lead, named, ran, tuple(fixed))


def as_record(scored: Scored, *, features: bool = False) -> dict[str, object]:
    """One line for machines: keys instead of the random lead id, so that two homes can be compared."""
    decision = scored.ran.decision
    score = decision.score
    record: dict[str, object] = {"keys": list(scored.keys), "band": decision.band.band.value}
    if score is not None:
        record |= {
            "points": score.points,
            "fit": score.fit,
            "engagement": score.engagement,
            "unit": score.unit,
        }
        record["ledger"] = [[part.name, part.micro] for part in score.ledger]
        if score.log_odds is not None:
            record |= _learned(score)
    if scored.moves is not None:
        record["moves"] = {
            "up": [asdict(change) for change in scored.moves.up],
            "down": [asdict(change) for change in scored.moves.down],
        }
    if decision.reading is not None:
        record["intent"] = decision.reading.top.value
        record["reasoner"] = decision.reading.reasoner
    if decision.verdict is not None:
        record["verdict"] = decision.verdict.kind.value
    if scored.fixed:
        record["fixed"] = {row.override.kind.value: row.override.value for row in scored.fixed}
    if features:
        record["features"] = dict(sorted(decision.features.items()))
    return record


def _learned(score: Score) -> dict[str, object]:
    """What only a model says."""
    return {
        "scorer": score.scorer,
        "version": score.version,
        "log_odds": score.log_odds,
        "ledger_log_odds": [[part.name, part.log_odds] for part in score.ledger],
        "interval": score.interval,
        "similar": score.similar,
        "remarks": score.remarks,
    }
