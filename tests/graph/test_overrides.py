"""What a person fixed in a whole run: what it leaves behind, and whose capacity it takes."""

from dataclasses import replace

from domain.audit import Sealed
from domain.decision import LeadClaim, RunInput
from domain.ids import LeadId, TenantId
from domain.instants import DAY, HOUR
from domain.kinds import Kind
from domain.lead import PastAction
from domain.override import Override, OverrideKind
from domain.policy import Rep, VerdictKind
from graph.build import build_graph
from graph.deps import Deps
from graph.record import pack, plain, unpack
from graph.run import Ran, bundle, run_lead
from tests.agents.leads import CONFIG, LEAD, NOW, catalogue, reasoner, run_of, says, scorer, signal
from tools.policy.load import load_policy

ANN = Rep("ann", "sales", (), (), 3, 0, 0)
BOB = Rep("bob", "sales", (), (), 3, 3, 0)
"""He has no room left."""
FIXED = Override("ov_1", OverrideKind.OWNER, "bob", NOW - DAY)


class Open:
    """A vault without locks."""

    def seal(self, tenant: TenantId, lead: LeadId, plain: bytes) -> Sealed:
        return Sealed(plain, b"salt", "c", "k")

    def open(self, tenant: TenantId, sealed: Sealed) -> bytes:
        return sealed.ciphertext

    def unite(self, tenant: TenantId, winner: LeadId, loser: LeadId) -> None:
        return None


def hot(*overrides: Override, owner: str | None = None) -> RunInput:
    """A lead that wants to buy, in working hours."""
    at = NOW - NOW % DAY + 15 * HOUR
    said = [
        signal(Kind.IDENTIFY, at - DAY, "0", seniority="vp", buyer_role="champion", employees=300),
        signal(Kind.FORM, at - 2 * HOUR, "1", form="demo"),
        signal(Kind.PAGE_VIEW, at - HOUR, "2", page="/pricing"),
        signal(Kind.PAGE_VIEW, at - HOUR, "3", page="/contact"),
        says("How much is it for 300 people? We are ready to buy.", at, "4"),
    ]
    given = run_of(*said, as_of=at, lead=replace(LEAD, owner=owner))
    return replace(given, reps=(ANN, BOB), overrides=overrides)


async def ran(given: RunInput) -> Ran:
    """A run of the real graph with what ships."""
    deps = Deps(
        catalogue=catalogue(),
        reasoner=reasoner(),
        scorer=scorer(),
        policy=load_policy(CONFIG / "policies"),
    )
    return await run_lead(build_graph(), deps, given)


def reserved(run: Ran, given: RunInput) -> tuple[str, ...]:
    """Whose capacity is taken."""
    claim = LeadClaim(given.lead.lead_id, 1, 0, 1, NOW)
    return bundle(run, given, claim, Open()).reserved


async def test_who_is_assigned_owns_the_lead_and_takes_room_only_if_there_is_any() -> None:
    """Routing looks for room; a person's word does without, and must not wait for it for ever."""
    routed, told = hot(), hot(FIXED)
    by_routing, by_hand = await ran(routed), await ran(told)
    assert (by_routing.lead.owner, reserved(by_routing, routed)) == ("ann", ("ann",))
    assert (by_hand.lead.owner, reserved(by_hand, told)) == ("bob", ())
    with_room = replace(told, reps=(ANN, replace(BOB, load=2)))
    assert reserved(await ran(with_room), with_room) == ("bob",)


async def test_an_owner_that_was_fixed_and_not_assigned_leaves_no_trace() -> None:
    """So that the next run is free again once it is lifted. In this episode the lead was assigned already."""
    given = hot(FIXED, owner="ann")
    assigned = PastAction("assign_owner", given.as_of - DAY, 1)
    run = await ran(replace(given, lead=replace(given.lead, actions=(assigned,))))
    verdict = run.decision.verdict
    assert verdict is not None
    assert (verdict.kind, verdict.owner) == (VerdictKind.ACT, "bob")
    assert "assign_owner" not in [one.kind for one in run.decision.proposals]
    assert run.lead.owner == "ann"


async def test_a_record_holds_what_was_fixed_and_an_older_one_does_without() -> None:
    given = hot(FIXED)
    run = await ran(given)
    packed = pack(given, plain(run.decision), run.words)
    assert unpack(packed).given.overrides == (FIXED,)
    assert (await ran(unpack(packed).given)).decision == run.decision
    assert b'"overrides"' in plain(given)
