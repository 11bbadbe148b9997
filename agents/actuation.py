"""Actuation: propose what the verdict asks for, each effect under its key, bound to the hash of it."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from domain.action import ActionKind, ActionSpec, ActionState, Proposal
from domain.decision import RunInput
from domain.errors import Permanent
from domain.ids import ActionId, LeadId
from domain.policy import Verdict

LONGEST: Final = 500
"""Characters of one parameter; what is longer is cut."""
_SILENT: Final = frozenset({ActionKind.UPSERT_SCORE, ActionKind.LEAVE})
"""Writing the score and leaving a programme reach nobody, so nobody is asked about them."""
_RUN: Final = "rn_"


async def propose(given: RunInput, verdict: Verdict, *, waiting: bool) -> tuple[Proposal, ...]:
    """One proposal for each kind of action in `verdict`, in its order.

    `given.lead` is the lead as ingestion left it. With `waiting` a person decides: what reaches somebody
    waits, what reaches nobody does not. Deterministic: the same run proposes the same ids and hashes.
    Raises: Permanent for a parameter that is no text, or two actions of one kind that differ.
    """
    wanted: dict[ActionKind, dict[str, str]] = {}
    for action in verdict.actions:
        params = _params(action)
        if wanted.setdefault(action.kind, params) != params:
            raise Permanent(f"the verdict asks for {action.kind.value} twice, and differently")
    return tuple(
        _proposal(given, index, kind, params, waiting=waiting)
        for index, (kind, params) in enumerate(wanted.items())
    )


def proposal_hash(kind: ActionKind, lead: LeadId, params: Mapping[str, str], episode: int) -> str:
    """SHA-256, in hex, of the canonical JSON of what would be done: what an approval is bound to."""
    said = {"episode": episode, "kind": kind.value, "lead": lead, "params": dict(params)}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def _proposal(
    given: RunInput, index: int, kind: ActionKind, params: Mapping[str, str], *, waiting: bool
) -> Proposal:
    lead = given.lead
    return Proposal(
        action_id=ActionId(f"ac_{given.run_id.removeprefix(_RUN)}_{index}"),
        lead_id=lead.lead_id,
        kind=kind,
        params=params,
        episode=lead.episode,
        state=ActionState.WAITING if waiting and kind not in _SILENT else ActionState.PROPOSED,
        proposal_hash=proposal_hash(kind, lead.lead_id, params, lead.episode),
    )


def _params(action: ActionSpec) -> dict[str, str]:
    """Parameters in order of their names, on one line each, bounded."""
    for name, value in action.params.items():
        if not isinstance(value, str):
            raise Permanent(f"{action.kind.value}: parameter {name} is no text")
    return {name: " ".join(action.params[name].split())[:LONGEST] for name in sorted(action.params)}
