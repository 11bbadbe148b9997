"""``/v1/approvals``: what waits for a person, the exact writes of it, and the person's word."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from domain.access import Caller, Scope
from domain.approval import Approval, ApprovalState, VoteKind
from domain.errors import BadInput, Temporary
from domain.ports.home import Home
from surfaces.api.body import json_of
from surfaces.api.forms import form_of
from surfaces.api.guard import Needs
from surfaces.api.problems import answers
from surfaces.approving import Answer, called, card, decide, summary
from surfaces.narrowed import doors

MOST: Final = 200
MOST_BYTES: Final = 64 * 1024
CARD_S: Final = 10.0
"""Seconds in which the targets must have said what is there now."""
PLACE: Final = r"^[0-9]{1,18}\.ap_[0-9a-z_]{1,60}$"
_FORM: Final = "send {verdict, proposal_hash, comment}"


class Question(BaseModel):
    """An approval without what is behind it."""

    approval: str
    lead: str
    decision: str
    state: ApprovalState
    proposal_hash: str
    people: int = Field(description="So many different people must approve.")
    approved_by: int
    asked_at: str
    expires_at: str
    assignee: str | None
    reason: str
    edited_by: str | None
    edited_at: str | None
    edited_from: str | None


class Questions(BaseModel):
    """A page of approvals."""

    approvals: list[Question]
    next: str | None = Field(description="Send it as `after` for the page that follows; null at the end.")


class Shown(Question):
    """An approval with everything behind it."""

    actions: list[dict[str, Any]] = Field(
        description="Each with `writes`: step, field, what is there, what would be."
    )
    reasons: list[str]
    evidence: list[str] = Field(description="Refs of signals.")
    changed: list[dict[str, Any]] = Field(description="What a person has edited.")
    drafts: list[str]


_ONLY_WITH_APPROVAL: Final[dict[str, Any]] = {
    "if": {"properties": {"verdict": {"const": "reject"}}},
    "then": {"properties": {"changes": {"maxProperties": 0}, "drop": {"maxItems": 0}}},
}


class Word(BaseModel):
    """A person's word. `changes` and `drop` go with an approval."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_ONLY_WITH_APPROVAL)

    verdict: Literal["approve", "reject"]
    proposal_hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of what was looked at.")
    comment: str = Field(default="", max_length=2_000, description="Kept sealed.")
    changes: dict[Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")], str] = Field(
        default_factory=dict,
        max_length=20,
        description="Other values: owner, due, next_step, …",
        json_schema_extra={"additionalProperties": False},
    )
    drop: list[str] = Field(
        default_factory=list, max_length=20, description="Actions, or ACTION.STEP, to leave out."
    )


def approvals_router(home: Home, needs: Needs) -> APIRouter:
    """The routes over `home`."""
    router = APIRouter(prefix="/v1/approvals", tags=["approvals"])
    door = doors(home)

    @router.get(
        "",
        summary="Questions to people, the oldest first",
        response_model=None,
        responses={200: {"model": Questions}, **answers(422)},
    )
    async def every(
        caller: Annotated[Caller, Depends(needs(Scope.READ))],
        state: Annotated[ApprovalState, Query()] = ApprovalState.OPEN,
        after: Annotated[
            str | None, Query(pattern=PLACE, max_length=100, description="`next` of the page before.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    ) -> dict[str, Any]:
        """In one state; at the end of the list `next` is null."""
        at, _, name = (after or "").partition(".")
        start = (int(at), name) if after else None
        where = door(caller).within
        found = await home.approvals.page(home.tenant, states=[state], after=start, limit=limit, region=where)
        last = f"{found[-1].asked_at}.{found[-1].approval_id}" if len(found) == limit else None
        return {"approvals": [summary(one) for one in found], "next": last}

    @router.get(
        "/{approval}",
        summary="What would be written, beside what is there",
        response_model=None,
        responses={200: {"model": Shown}, **answers(404, 503)},
    )
    async def one(approval: str, caller: Annotated[Caller, Depends(needs(Scope.READ))]) -> dict[str, Any]:
        """Also by the id of its decision or of an action. That an approver looked is noted, for measures."""
        found = await _seen(home, caller, approval)
        if caller.may(Scope.APPROVE):
            with suppress(Temporary):
                await home.approvals.shown(
                    home.tenant, found.approval_id, by=caller.name, now=home.clock.now()
                )
        try:
            return (await asyncio.wait_for(card(home, found.approval_id), CARD_S)).document()
        except TimeoutError:
            raise Temporary("a target did not say in time what is there") from None

    _add_answer(router, home, needs)
    return router


def _add_answer(router: APIRouter, home: Home, needs: Needs) -> None:
    @router.post(
        "/{approval}",
        summary="Approve or reject",
        response_model=None,
        responses={200: {"model": Question}, **answers(400, 404, 409, 413, 415, 422)},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": Word.model_json_schema(),
                        "examples": {"approve": _EXAMPLE},
                    }
                },
            }
        },
    )
    async def answer(
        approval: str, request: Request, caller: Annotated[Caller, Depends(needs(Scope.APPROVE))]
    ) -> dict[str, Any]:
        """The word of the person whom the key names, bound to `proposal_hash` and used once.

        409 says why it was not taken: `changed` (another hash), `used`, `expired`, `twice` (this person has approved).
        """
        word = _word(await json_of(request, most=MOST_BYTES))
        found = await _seen(home, caller, approval)
        said = Answer(
            VoteKind(word.verdict),
            word.proposal_hash,
            caller.name,
            word.comment,
            [f"{name}={value}" for name, value in word.changes.items()],
            word.drop,
        )
        return summary(await _taken(home, found, said))


def _word(document: Any) -> Word:
    """What was sent as a person's word. Raises: BadInput."""
    word = form_of(Word, document, names=Word.model_fields.keys(), remedy=_FORM)
    if (word.changes or word.drop) and word.verdict != "approve":
        raise BadInput(
            "changes", "go with an approval", "reject it, or approve it with changes", code="invalid"
        )
    return word


async def _seen(home: Home, caller: Caller, name: str) -> Approval:
    """The approval, if the caller may see it. Raises: BadInput (``unknown``)."""
    found = await home.approvals.get(home.tenant, name)
    if found is None or not caller.sees(found.region):
        raise BadInput(
            "approval",
            "none is known by this name",
            "GET /v1/approvals names those that are open",
            code="unknown",
        )
    return found


async def _taken(home: Home, approval: Approval, said: Answer) -> Approval:
    """The approval after a person's word. Raises: BadInput (``expired`` where it is used up by time alone)."""
    try:
        return await decide(home, approval, said)
    except BadInput as error:
        if error.code != "used":
            raise
        after = await called(home, approval.approval_id)
        if after.state is not ApprovalState.EXPIRED:
            raise
        raise BadInput(error.field, error.problem, error.remedy, code="expired") from None


_EXAMPLE: Final = {
    "value": {"verdict": "approve", "proposal_hash": "9f" * 32, "comment": "Known customer, go ahead."}
}
