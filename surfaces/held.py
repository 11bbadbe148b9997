"""What the targets themselves hold of a lead now: the far side of what was sent."""

from typing import Any

from domain.errors import BadInput, LeadgraphError
from domain.instants import Instant, iso
from domain.ports.home import Home
from domain.ports.target import Seen, Subject, Target
from surfaces.audit_story import lead_named


async def held(home: Home, key: str) -> dict[str, Any]:
    """Of each target what it holds of the lead with this id or key, as it says now; nothing is changed.

    Of one that cannot say it now only that. Raises: BadInput (``unknown``).
    """
    lead = await lead_named(home, key)
    if lead is None:
        raise BadInput(
            "lead",
            f"none is known as {key}",
            "give its id, or the key as the source sends it",
            code="unknown",
        )
    subject = Subject(home.tenant, lead, tuple(await home.reads.keys(home.tenant, lead)))
    targets = {target.name: target for target in home.targets.values()}
    return {"lead": lead, "targets": [await _asked(targets[name], subject) for name in sorted(targets)]}


async def _asked(target: Target, subject: Subject) -> dict[str, Any]:
    try:
        seen = await target.look(subject)
    except LeadgraphError as error:
        return {"target": target.name, "away": type(error).__name__}
    return {"target": target.name, "away": None, **_document(seen)}


def _document(seen: Seen) -> dict[str, Any]:
    touched = seen.human_touch_at
    return {
        "exists": seen.exists,
        "owner": seen.owner,
        "fields": dict(sorted(seen.fields.items())),
        "programmes": list(seen.programmes),
        "open_tasks": list(seen.open_tasks),
        "human_touch_at": None if touched is None else iso(Instant(touched)),
        "do_not_contact": seen.do_not_contact,
        "merged_into": seen.merged_into,
        "gone": seen.gone,
    }
