"""Reading the situation of a talk at one moment, beside the writer: nobody waits for a run that is under way."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from agents.ingestion import take_in
from domain.capacity import next_in_line
from domain.contract import KEY_KINDS
from domain.decision import RunInput
from domain.errors import BadInput
from domain.handing import SALES, beside
from domain.handoff import Situation, Talk
from domain.ids import LeadId, RunId
from domain.intent import Intent, IntentReading
from domain.lead import LeadState
from domain.policy import Fact, Rep
from domain.policy_facts import facts_of
from domain.ports.home import Home
from domain.ports.talks import settled
from domain.score import Score
from domain.signal import KeyKind

RECENT = 200
"""The lead's newest signals that are looked through, those that wait for a run among them."""
_PLAIN = (KeyKind.CRM_ID, KeyKind.USER_ID, KeyKind.ANONYMOUS, KeyKind.CONVERSATION)
_OURS = "ld_"
"""How ids of leads begin."""
_UNHEARD = IntentReading((), Intent.OTHER, 0, (), (), "none", "")
_UNSCORED = Score(0, 0, 0, (), "points", "none", "")
"""The tables that a talk asks read neither: what was heard takes their place (`agents.handoff`)."""


def name_of(home: Home, talk: Talk) -> str:
    """Under which name the talk is kept: desks of two regions may name theirs alike."""
    if home.within in (None, home.settings.region):
        return talk.conversation_id
    return f"{home.within}/{talk.conversation_id}"


async def lead_of(home: Home, talk: Talk) -> LeadState | None:
    """Whose talk it is: the lead that the desk names, else the one known by the conversation.

    Raises: BadInput (``unknown``) for an id of ours that names nobody here.
    """
    names = [f"{KeyKind.CONVERSATION.value}:{talk.conversation_id}"]
    if talk.lead is not None:
        names = [_stored_name(home, talk.lead), *names]
    for name in names:
        found = await home.reads.find_lead(home.tenant, name, region=home.within)
        if found is not None:
            return await home.reads.lead(home.tenant, found)
        if name.startswith(_OURS):
            raise BadInput("lead", "none has this id", "give a key, or leave it out", code="unknown")
    return None


async def keys_of(home: Home, talk: Talk, lead: LeadState | None) -> dict[str, str]:
    """The keys under which the customer's messages come in, as the door takes them."""
    keys = {"conversation_id": talk.conversation_id}
    if talk.lead is None:
        return keys
    kind, _, value = talk.lead.partition(":")
    if kind in KEY_KINDS and value:
        return keys | {kind: value}
    if "@" in talk.lead:
        return keys | {"email": talk.lead}
    if lead is None:
        return keys | {"crm_id": talk.lead}
    known = [key for key in await home.reads.keys(home.tenant, lead.lead_id) if key.kind in _PLAIN]
    strong = next((key for kind in _PLAIN for key in known if key.kind is kind), None)
    return {strong.kind.value: strong.value} | keys if strong else keys


async def situation_of(
    home: Home, talk: Talk, run: RunId, *, read_at: int | None = None
) -> tuple[Situation, LeadState | None]:
    """Everything but the words, and the lead as policy sees it now. `talk` is of the Instant `read_at`; None: now."""
    now = home.clock.now()
    kept = await home.talks.standing(home.tenant, name_of(home, talk))
    standing, lost = settled(kept, talk, read_at=now if read_at is None else read_at)
    lead = await lead_of(home, talk)
    region = lead.region if lead else home.region
    reps = await home.reads.reps(home.tenant, now=now)
    facts: Mapping[str, Fact] | None = None
    if lead is not None and not lead.suppressed:
        lead, facts = await _facts(home, lead, run, reps=tuple(reps), now=now)
    others = await home.talks.handings(home.tenant, lead.lead_id) if lead else ()
    elsewhere = beside(others, talk.conversation_id)
    has_it = elsewhere.owner or None if elsewhere else None
    owner = has_it or (lead.owner if lead else None)
    segment = str(facts["segment"]) if facts and facts["segment"] else None
    best = next_in_line(reps, team=SALES, region=region, segment=segment, owner=owner)
    _, _, opens_at = home.policy.calendar(now, region)
    situation = Situation(
        blocked=talk.blocked or (lead is not None and lead.suppressed),
        handed_at=standing.handed_at,
        decided=standing.version,
        owner=owner,
        free=has_it or (best.rep_id if best else None),
        listed=bool(reps),
        opens_at=opens_at,
        version=standing.version,
        taken=standing.taken,
        released=standing.released,
        forgotten=lead is not None and lead.suppressed,
        lead_id=lead.lead_id if lead else None,
        facts=facts,
        policy=home.policy.version,
        team=standing.team,
        sentences=home.sentences.of(talk.language, opens_at, ZoneInfo(home.policy.zone(region))),
        given=kept.given,
        refused=lost and kept.given is not None and kept.given.team == SALES,
        others=others,
    )
    return situation, lead


async def _facts(
    home: Home, lead: LeadState, run: RunId, *, reps: tuple[Rep, ...], now: int
) -> tuple[LeadState, Mapping[str, Fact]]:
    """The lead with what no run has seen yet, and the facts of it that the decision tables read."""
    account = await home.accounts.snapshot(home.tenant, lead.account) if lead.account else None
    given = RunInput(
        run_id=run,
        as_of=now,
        reason="handoff",
        lead=lead,
        new=tuple(await home.reads.signals(home.tenant, LeadId(lead.lead_id), limit=RECENT)),
        recent=(),
        account=account,
        reps=reps,
        quality=(),
        versions=home.versions,
    )
    intake = await take_in(given, catalogue=home.catalogue)
    closed, quiet, _ = home.policy.calendar(now, lead.region)
    facts = facts_of(
        given,
        features=intake.features,
        reading=_UNHEARD,
        score=_UNSCORED,
        band=lead.band,
        previous=lead.band,
        closed=closed,
        quiet=quiet,
    )
    return intake.lead, facts


def _stored_name(home: Home, name: str) -> str:
    """A name as the store knows it: an address or a number only as its keyed hash."""
    kind, _, value = name.partition(":")
    try:
        if kind == "phone":
            return f"{KeyKind.PHONE.value}:{home.hasher.phone(value, home.region)}"
        if kind == "email" or "@" in name:
            hashed, role = home.hasher.email(value if kind == "email" else name)
            return f"{(KeyKind.ROLE if role else KeyKind.EMAIL).value}:{hashed}"
    except BadInput:  # no address, no number: known by nothing
        return name
    return name
