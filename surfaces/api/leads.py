"""``GET /v1/leads``: what is known of leads, page by page, one by one, and over time."""

import re
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from domain.access import Caller, Scope
from domain.lead import Band
from domain.ports.home import Home
from domain.ports.reads import Before
from surfaces.api.guard import Needs
from surfaces.api.problems import answers
from surfaces.feedback import day
from surfaces.looking import Page, Wanted, lead_card, leads, timeline
from surfaces.narrowed import doors

MOST: Final = 200
PLACE: Final = r"^[0-9]{1,18}\.(signal|decision|action|approval)\.[^\x00]{1,400}$"
_TIME: Final = {"format": "date-time"}


class Line(BaseModel):
    """A lead as its newest decision left it; without one, null."""

    lead: str
    account: str | None
    region: str
    band: Band
    points: int | None = Field(ge=0, le=100)
    unit: str | None = Field(description="`points` of rules, or `probability` in per cent.")
    fit: int | None
    engagement: int | None
    intent: str | None
    verdict: str | None
    next_step: str | None
    owner: str | None
    reasoner: str | None = Field(description="`local`, or the language model that read with it.")
    degraded: list[str] = Field(description="What was missing when it was decided.")
    decided_at: str | None
    decision_id: str | None
    suppressed: bool = Field(description="It asked to be forgotten: nothing more is told.")


class Lines(BaseModel):
    """A page of leads."""

    leads: list[Line]
    next: str | None = Field(description="Send it as `after` for the page that follows; null at the end.")


class Card(Line):
    """One lead with its newest decision and what is open."""

    keys: list[str] = Field(description="kind:value; contact data only as keyed hashes.")
    fixed: list[dict[str, Any]] = Field(description="What people have fixed about it.")
    decision: dict[str, Any] | None = Field(description="Score with its ledger, intents, rules, next step.")
    versions: dict[str, str] = Field(description="Of everything that made the decision.")
    actions: list[dict[str, Any]] = Field(description="Actions that have not ended.")
    approvals: list[dict[str, Any]] = Field(description="Questions to people that are open.")


class Event(BaseModel):
    """Something that happened, by its codes; further members depend on `what`."""

    at: str
    what: Literal["signal", "decision", "action", "approval"]
    id: str
    state: str
    reason: str | None


class History(BaseModel):
    """What happened with a lead, the newest first."""

    events: list[Event]
    next: str | None = Field(description="Send it as `before` for what happened earlier; null at the end.")


def leads_router(home: Home, needs: Needs) -> APIRouter:
    """The routes over `home`."""
    router = APIRouter(prefix="/v1/leads", tags=["leads"])
    door = doors(home)
    found: dict[int | str, dict[str, Any]] = {200: {"model": Lines}, **answers(422)}

    @router.get("", summary="Leads, page by page", response_model=None, responses=found)
    async def every(
        *,
        caller: Annotated[Caller, Depends(needs(Scope.READ))],
        band: Annotated[Band | None, Query(description="Only leads in this band.")] = None,
        min_points: Annotated[int, Query(ge=0, le=100, description="Only with so many points or more.")] = 0,
        changed_since: Annotated[
            str | None,
            Query(description="Only leads decided on since this day or time.", json_schema_extra=_TIME),
        ] = None,
        after: Annotated[str, Query(max_length=100, description="`next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    ) -> dict[str, Any]:
        """In the order of their ids. A page may be short, or empty, and `next` still name another."""
        since = None if changed_since is None else day(changed_since, "changed_since")
        wanted = Wanted(band, min_points, since)
        return _page("leads", await leads(door(caller), wanted, after=after, limit=limit))

    @router.get(
        "/{lead}",
        summary="One lead: score, why, what is open",
        response_model=None,
        responses={200: {"model": Card}, **answers(404)},
    )
    async def one(lead: str, caller: Annotated[Caller, Depends(needs(Scope.READ))]) -> dict[str, Any]:
        """By its id, or any key as the source sends it (`ada@example.com`, `crm_id:17`)."""
        return await lead_card(door(caller), lead)

    @router.get(
        "/{lead}/timeline",
        summary="What happened with a lead",
        response_model=None,
        responses={200: {"model": History}, **answers(404, 422)},
    )
    async def history(
        lead: str,
        caller: Annotated[Caller, Depends(needs(Scope.READ))],
        before: Annotated[
            str | None, Query(pattern=PLACE, max_length=450, description="`next` of the page before.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    ) -> dict[str, Any]:
        """Signals, decisions, actions and approvals by kind, state and figures; nothing that anybody wrote."""
        place = None if before is None else _place(before)
        return _page("events", await timeline(door(caller), lead, before=place, limit=limit))

    return router


def _place(text: str) -> Before:
    at, what, name = re.split(r"\.", text, maxsplit=2)
    return int(at), what, name


def _page(name: str, page: Page) -> dict[str, Any]:
    return {name: page.items, "next": page.next}
