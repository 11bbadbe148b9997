"""What a person types to change a proposal, read and checked against what this home knows."""

from collections.abc import Iterable, Sequence

from domain.approval import Approval
from domain.edit import Difference, Edit, Params, differences
from domain.effect import params_of
from domain.errors import BadInput
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow

CODED = ("priority", "programme", "queue", "team")
"""Fields of which the tables list the codes."""


async def edit_from(home: Home, approval: Approval, words: Sequence[str], drop: Iterable[str]) -> Edit:
    """The edit that `words` (each ``NAME=VALUE``) and `drop` ask for.

    A new owner is one of the salespeople, and brings their own team.
    Raises: BadInput for what is no pair, twice, no salesperson, or no code of the tables.
    """
    values: dict[str, str] = {}
    for text in words:
        name, mark, value = text.partition("=")
        if not mark or name in values:
            raise BadInput(
                "edit", f"{text} is no NAME=VALUE, or is there twice", "write e.g. owner=rep_000002"
            )
        values[name] = value.strip()
    for name in CODED:
        codes = sorted(home.policy.codes(name))
        if name in values and codes and values[name] not in codes:
            raise BadInput(name, f"{values[name]} is not known", f"it can be {', '.join(codes)}")
    if "owner" in values:
        values = await _with_team(home, approval, values)
    return Edit(values, frozenset(drop))


async def changes(home: Home, approval: Approval, rows: Sequence[OutboxRow]) -> Sequence[Difference]:
    """What an edited question changed of the one in whose place it stands; `rows` are those of its decision."""
    if approval.edited is None:
        return ()
    before = await home.approvals.get(home.tenant, approval.edited.origin)
    if before is None:
        return ()
    return differences(_params(rows, before), _params(rows, approval))


def _params(rows: Iterable[OutboxRow], approval: Approval) -> Params:
    return {row.kind: row.params for row in rows if row.action_id in approval.action_ids}


async def _with_team(home: Home, approval: Approval, values: dict[str, str]) -> dict[str, str]:
    reps = {rep.rep_id: rep.team for rep in await home.reads.reps(home.tenant, now=home.clock.now())}
    owner = values["owner"]
    if owner not in reps:
        near = [name for name in sorted(reps) if name[:1] == owner[:1]] or sorted(reps)
        raise BadInput("owner", f"{owner} is no salesperson here", f"it can be e.g. {', '.join(near[:5])}")
    rows = await home.outbox.of_decision(home.tenant, approval.decision_id)
    teams = any("team" in params_of(kind, said) for kind, said in _params(rows, approval).items())
    return {"team": reps[owner], **values} if teams else values
