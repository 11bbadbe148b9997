"""``GET /v1/decisions/{id}``: what was decided, why, and the audit rows that prove it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from domain.access import Caller, Scope
from domain.ports.home import Home
from surfaces.api.guard import Needs
from surfaces.api.problems import answers
from surfaces.looking import audit_card, decision_card


class Told(BaseModel):
    """A decision's story."""

    run: str
    lead: str | None
    versions: dict[str, str]
    seal: str = Field(description="`open`, `erased`, `locked` or `none`: whether the sealed record is read.")
    transitions: list[dict[str, Any]] = Field(description="Each step of the run, and what became of actions.")
    rationale: list[str]
    decision: dict[str, Any] | None
    actions: list[dict[str, Any]]
    approvals: list[str] = Field(description="Questions that it put to people.")


class AuditRow(BaseModel):
    """A row of the log as stored."""

    writer: str
    seq: int = Field(ge=1)
    prev: str
    hash: str = Field(description="SHA-256 of `prev` and `body`.")
    sound: bool = Field(description="The hash is that of the row, and `prev` that of the row before it.")
    body: str = Field(description="Canonical JSON, as it was hashed.")


class Audited(BaseModel):
    """The rows of one run, in chain order."""

    run: str
    sound: bool
    rows: list[AuditRow]


def decisions_router(home: Home, needs: Needs) -> APIRouter:
    """The routes over `home`."""
    router = APIRouter(prefix="/v1/decisions", tags=["decisions"])

    @router.get(
        "/{decision}",
        summary="A decision and why",
        response_model=None,
        responses={200: {"model": Told}, **answers(404)},
    )
    async def one(decision: str, caller: Annotated[Caller, Depends(needs(Scope.READ))]) -> dict[str, Any]:
        """Each transition, the rationale, the score with its ledger, and what became of its actions."""
        return await decision_card(home, caller.sees, decision)

    @router.get(
        "/{decision}/audit",
        summary="The audit rows of a decision",
        response_model=None,
        responses={200: {"model": Audited}, **answers(404)},
    )
    async def audit(decision: str, caller: Annotated[Caller, Depends(needs(Scope.READ))]) -> dict[str, Any]:
        """As stored and hashed; `leadgraph audit verify` checks the whole log against its anchor."""
        return await audit_card(home, caller.sees, decision)

    return router
