"""Policy review: what may be done about a lead, as the decision tables say, and by whom.

In order of care: do-not-act rows limit what may happen, routing proposes, calendar and capacity may put it
off, a person may have to be asked. What is not allowed is dropped, or held if it can be done later. An owner
that a person has fixed is the owner whatever routing says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from domain.action import SILENT, ActionKind, ActionSpec
from domain.approval import Terms
from domain.capacity import next_in_line
from domain.decision import FeatureValue
from domain.instants import DAY, HOUR, Instant, hour_of, moment
from domain.intent import Intent, IntentReading
from domain.lead import BandState
from domain.next_step import INTENT_WORDS, fill, main_reason
from domain.override import ROW, Override, OverrideKind, fixed
from domain.policy import Fact, FiredRow, Verdict, VerdictKind, listed
from domain.policy_facts import facts_of
from domain.ports.policy import Policy
from domain.score import Score
from domain.untold import Untold

BEFORE: Final = ("do_not_act", "routing")
AFTER: Final = ("approval", "timing")
MATERIAL_POINTS: Final = 5
"""The score is written again when it moved by this much, or when the band changed."""
DUE_REASONS: Final[Mapping[str, str]] = {
    "now": "hold_over",
    "human_touch": "touch_over",
    "calendar": "calendar_over",
    "quiet": "quiet_over",
    "capacity": "capacity_free",
}
"""The reason under which a held lead is woken, by what the hold counts from."""
_ORDER: Final = {kind.value: at for at, kind in enumerate(ActionKind)}


@dataclass(frozen=True, slots=True)
class _Case:
    """What is known of the lead under review."""

    given: Untold
    facts: Mapping[str, Fact]
    reading: IntentReading
    score: Score
    policy: Policy
    opens: int | None
    """When the calendar opens (Instant); None = it is open."""

    @property
    def fixed(self) -> Override | None:
        """The owner that a person has fixed."""
        return fixed(self.given.overrides, OverrideKind.OWNER)


@dataclass(frozen=True, slots=True)
class _Hold:
    """Until when (Instant) something waits, the timer's reason, and the row that says so."""

    until: int
    reason: str
    row: FiredRow


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is left of the proposal as the tables are asked one after the other."""

    route: FiredRow
    kinds: tuple[str, ...]
    """Allowed so far, in the order of `ActionKind`."""
    added: Mapping[str, FiredRow]
    """Kinds asked for by a do-not-act row, with the row that holds their parameters."""
    hold: _Hold | None = None
    stop: FiredRow | None = None
    """The row that forbids for good what routing proposes."""
    owner: str | None = None
    """Who is to take the lead; None = nobody new."""

    @property
    def outward(self) -> bool:
        """Something reaches a person."""
        return not SILENT.issuperset(self.kinds)


async def review(
    given: Untold,
    *,
    features: Mapping[str, FeatureValue],
    reading: IntentReading,
    score: Score,
    band: BandState,
    previous: BandState,
    policy: Policy,
) -> Verdict:
    """What may be done. A pure function of its arguments and the policy version.

    Raises: ConfigError if the tables read a fact that is not given.
    """
    closed, quiet, opens = policy.calendar(given.as_of, given.lead.region)
    facts = facts_of(
        given,
        features=features,
        reading=reading,
        score=score,
        band=band,
        previous=previous,
        closed=closed,
        quiet=quiet,
    )
    if fixed(given.overrides, OverrideKind.OWNER) is not None:
        facts["owner_known"] = True
    case = _Case(given, facts, reading, score, policy, opens)
    before = policy.evaluate(facts, BEFORE)
    plan, nobody_free = _with_owner(case, _limited(case, before))
    after = policy.evaluate(facts | _later_facts(plan, nobody_free), AFTER)
    approval, timing = after
    plan = _timed(case, plan, timing)
    asked = approval if plan.outward and approval.outputs["decision"] == "ask" else None
    return _verdict(case, plan, rules=before + after, asked=asked, timing=timing)


def _limited(case: _Case, rows: tuple[FiredRow, ...]) -> _Plan:
    """What routing proposes, less what any do-not-act row forbids."""
    route, stops = rows[-1], rows[:-1]
    added = {kind: row for row in reversed(stops) for kind in listed(row.outputs["add"])}
    wanted = (*listed(route.outputs["actions"]), *added)
    kinds = [kind for kind in sorted(set(wanted), key=_ORDER.__getitem__) if _changes(kind, case, route)]
    allowed = tuple(kind for kind in kinds if _all_allow(stops, kind))
    plan = _Plan(route, allowed, added)
    forbidding = [row for row in stops if row.outputs["effect"] == "nothing"]
    if forbidding:
        return replace(plan, stop=forbidding[0])
    blocked = [kind for kind in kinds if kind not in allowed]
    limits = [row for row in stops if row.outputs["effect"] == "limit"]
    later = [kind for kind in blocked if _all_allow(limits, kind)]
    holds = [
        row for row in stops if row not in limits and not all(_all_allow((row,), kind) for kind in later)
    ]
    if holds:
        return replace(plan, hold=max((_hold(case, row) for row in holds), key=lambda hold: hold.until))
    return replace(plan, stop=limits[0]) if blocked and not plan.outward else plan


def _all_allow(rows: tuple[FiredRow, ...] | list[FiredRow], kind: str) -> bool:
    return all(kind in listed(row.outputs["allow"]) for row in rows)


def _changes(kind: str, case: _Case, route: FiredRow) -> bool:
    """False for what would change nothing, or was already proposed in this episode."""
    lead, facts = case.given.lead, case.facts
    if kind == ActionKind.UPSERT_SCORE:
        moved = facts["points_moved"]
        return facts["band_changed"] is True or moved is None or int(moved) >= MATERIAL_POINTS
    if any(past.kind == kind and past.episode == lead.episode for past in lead.actions):
        return False
    if kind == ActionKind.ASSIGN_OWNER:
        if case.fixed is not None:
            return lead.owner != case.fixed.value
        return lead.owner is None or route.outputs["owner"] == "round_robin"
    if kind in (ActionKind.ENROL, ActionKind.LEAVE):
        return facts["enrolled"] is (kind == ActionKind.LEAVE)
    return True


def _with_owner(case: _Case, plan: _Plan) -> tuple[_Plan, bool]:
    """The plan with its owner; and True if it needs one and nobody has room. A fixed owner needs none."""
    if ActionKind.ASSIGN_OWNER not in plan.kinds:
        return plan, False
    if case.fixed is not None:
        return replace(plan, owner=case.fixed.value), False
    segment = case.facts["segment"]
    rep = next_in_line(
        case.given.reps,
        team=str(plan.route.outputs["team"]),
        region=case.given.lead.region,
        segment=segment if isinstance(segment, str) else None,
    )
    return (replace(plan, owner=rep.rep_id), False) if rep else (plan, True)


def _later_facts(plan: _Plan, nobody_free: bool) -> dict[str, Fact]:
    outputs = plan.route.outputs
    return {
        "outward": plan.outward,
        "nobody_free": nobody_free,
        "priority": outputs["priority"],
        "queue": outputs["queue"],
        "team": outputs["team"],
    }


def _timed(case: _Case, plan: _Plan, row: FiredRow) -> _Plan:
    """The plan without what must wait for a better hour, or for somebody with room."""
    if row.outputs["effect"] != "hold":
        return plan
    kept = tuple(kind for kind in plan.kinds if _all_allow((row,), kind))
    if kept == plan.kinds:
        return plan
    held = _hold(case, row)
    longer = held if plan.hold is None or held.until > plan.hold.until else plan.hold
    return replace(plan, kinds=kept, hold=longer)


def _hold(case: _Case, row: FiredRow) -> _Hold:
    """When the hold of `row` ends, moved on to an hour at which the calendar is open.

    It always ends after now, so that a table written oddly cannot wake a lead in a loop.
    """
    now, start, hours = case.given.as_of, str(row.outputs["hold_from"]), int(row.outputs["hold_hours"] or 0)
    until, touched = now + hours * HOUR, case.facts["human_touch_hours"]
    if start == "capacity":
        until = (now // DAY + 1) * DAY  # what people were given is counted by the UTC day
    if start == "human_touch" and touched is not None:
        # Recency counts cells of the hour grid: the hold ends with the cell in which the row no longer fires.
        until = (hour_of(now) - int(touched) + hours) * HOUR
    opens = case.opens if until == now else case.policy.calendar(until, case.given.lead.region)[2]
    until = opens if opens is not None else until
    return _Hold(until if until > now else now + HOUR, DUE_REASONS[start], row)


def _verdict(
    case: _Case, plan: _Plan, *, rules: tuple[FiredRow, ...], asked: FiredRow | None, timing: FiredRow
) -> Verdict:
    assigned = ActionKind.ASSIGN_OWNER in plan.kinds
    owner = plan.owner if assigned else case.given.lead.owner
    if case.fixed is not None:
        owner, rules = case.fixed.value, (*rules, _fixed_row(case.fixed))
    step = _step(case, plan, owner)
    due_at, due_reason = _due(case, plan, timing)
    return Verdict(
        kind=_kind(plan, asked),
        actions=tuple(_action(kind, case, plan, owner=owner, step=step) for kind in plan.kinds),
        rules=rules,
        owner=owner,
        due_at=due_at,
        due_reason=due_reason,
        next_step=f"Ask a person first: {_bare(asked)}. Then: {step}" if asked else step,
        policy=case.policy.version,
        terms=_terms(asked),
    )


def _fixed_row(said: Override) -> FiredRow:
    """An owner that a person has fixed, as the last of the rules."""
    until = "" if said.until is None else f" until {moment(Instant(said.until)):%Y-%m-%d %H:%M} UTC"
    return FiredRow(ROW, said.kind.value, f"A person has fixed the owner: {said.value}{until}.", {})


def _terms(asked: FiredRow | None) -> Terms:
    """On which terms people are asked; the usual ones where the row is silent."""
    if asked is None:
        return Terms()
    people, hours = asked.outputs.get("people"), asked.outputs.get("hours")
    usual = Terms()
    return Terms(int(people or usual.people), int(hours or usual.hours))


def _kind(plan: _Plan, asked: FiredRow | None) -> VerdictKind:
    if plan.kinds:
        return VerdictKind.ASK if asked is not None else VerdictKind.ACT
    return VerdictKind.HOLD if plan.hold is not None else VerdictKind.NOTHING


def _due(case: _Case, plan: _Plan, timing: FiredRow) -> tuple[int | None, str | None]:
    if plan.hold is not None:
        return plan.hold.until, plan.hold.reason
    if timing.outputs["effect"] == "recheck" and plan.stop is None:
        return case.given.as_of + int(timing.outputs["hold_hours"] or 1) * HOUR, "recheck"
    return None, None


def _step(case: _Case, plan: _Plan, owner: str | None) -> str:
    """One sentence for a salesperson: what to do, or why not, or until when to wait."""
    if plan.stop is not None:
        return f"{_bare(plan.stop)}." if plan.outward else f"Do nothing: {_bare(plan.stop)}."
    step = fill(str(plan.route.outputs["next_step"]), _words(case, plan.route, owner))
    if plan.hold is None:
        return step
    until = f"{moment(Instant(plan.hold.until)):%Y-%m-%d %H:%M} UTC"
    return f"Wait until {until}: {_bare(plan.hold.row)}. Then: {step}"


def _bare(row: FiredRow) -> str:
    return row.why.rstrip(".")


def _words(case: _Case, route: FiredRow, owner: str | None) -> dict[str, str]:
    """What templates may name: codes and numbers in words."""
    facts, outputs = case.facts, route.outputs
    return {
        "intent": INTENT_WORDS[_about(case, route)],
        "reason": main_reason(case.score),
        "points": str(case.score.points),
        "band": str(facts["band"]),
        "segment": str(facts["segment"] or "unknown"),
        "region": str(facts["region"]),
        "amount": str(facts["deal_amount"] or "unknown"),
        "owner": owner or "nobody yet",
        "queue": str(outputs["queue"] or "none"),
        "team": str(outputs["team"] or "none"),
        "programme": str(outputs["programme"] or "none"),
    }


def _about(case: _Case, route: FiredRow) -> Intent:
    """What those who are to act are told that it is about: the wish to buy, if the row says so."""
    wish = Intent(str(case.facts["wish"]))
    return wish if route.outputs.get("about") and wish is not Intent.UNSURE else case.reading.top


def _action(kind: str, case: _Case, plan: _Plan, *, owner: str | None, step: str) -> ActionSpec:
    outputs = plan.added.get(kind, plan.route).outputs
    said: dict[str, Fact]
    if kind == ActionKind.UPSERT_SCORE:
        said = {name: case.facts[name] for name in ("points", "band", "fit", "engagement")}
    elif kind in (ActionKind.ENROL, ActionKind.LEAVE):
        return ActionSpec(ActionKind(kind), {"programme": str(outputs.get("programme") or "all")})
    elif kind == ActionKind.ASSIGN_OWNER:
        return ActionSpec(ActionKind(kind), {"owner": str(owner), "team": _team(case, plan, owner)})
    else:
        said = {"queue": outputs.get("queue"), "priority": outputs.get("priority"), "owner": owner}
    said |= {"intent": _about(case, plan.route).value, "next_step": step}
    return ActionSpec(
        ActionKind(kind), {name: str(value) for name, value in said.items() if value is not None}
    )


def _team(case: _Case, plan: _Plan, owner: str | None) -> str:
    """The owner's own team if it is known: a fixed owner may be in another than routing names."""
    teams = (rep.team for rep in case.given.reps if rep.rep_id == owner)
    return next(teams, str(plan.route.outputs["team"]))
