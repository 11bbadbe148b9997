"""Open questions shown in a chat: posted, kept up to date, and answered by who presses a button there."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from domain.approval import Approval, ApprovalState, VoteKind
from domain.errors import BadInput, LeadgraphError, Temporary
from domain.instants import Instant, iso
from domain.ports.chat import Chat, Pressed, Question
from domain.ports.home import Home
from surfaces.approving import Card, Offer, card, reasons
from surfaces.counts import Counts
from surfaces.serving import served

IDLE_S: Final = 2.0
"""Rest between two looks at what is open."""
MOST: Final = 1_000
"""Open questions that are shown."""
REQUEST: Final = "request"
"""The field of a dry run that holds a whole request: too long for a chat."""
_SAID: Final = {
    "changed": "What would be written has changed since this message was made; look at the new question.",
    "used": "This question was decided already, or its time is over.",
    "twice": "You have approved this already; another person is needed.",
    "unknown": "There is no such question any more.",
}
STRANGER: Final = "You are not among the people who may decide here. Ask whoever runs Leadgraph to add you."
LATER: Final = "Your answer could not be kept just now. Press again in a moment."


@dataclass(slots=True)
class Shown(Counts):
    """What passes have done: messages brought up to date, and those that could not be for now."""

    shown: int = 0
    failed: int = 0
    outages: int = 0

    @property
    def busy(self) -> bool:
        """Never: it is enough to look now and then."""
        return False


@dataclass(slots=True)
class Asking:
    """The questions of one home in one chat."""

    home: Home
    chat: Chat
    _known: dict[str, tuple[str, int]] = field(default_factory=dict)
    """How far each question was when its message was brought up to date."""

    async def serve(self, stop: asyncio.Event, *, idle_s: float = IDLE_S) -> Shown:
        """Keep the messages up to date until `stop`."""
        return await served(self.one_pass, stop, Shown(), idle_s=idle_s)

    async def one_pass(self) -> Shown:
        """Post what is new, update what has moved on. One that fails is tried again; who says wait is waited for."""
        done, home = Shown(), self.home
        found = {one.approval_id: one for one in await home.approvals.open(home.tenant, limit=MOST)}
        for name in await self.chat.showing():
            if name not in found:
                ended = await home.approvals.get(home.tenant, name)
                found |= {} if ended is None else {name: ended}
        for approval in found.values():
            if self._known.get(approval.approval_id) == _moved(approval):
                continue
            try:
                await self.bring_up(approval)
                done.shown += 1
            except LeadgraphError as error:
                done.failed += 1
                if isinstance(error, Temporary):
                    break
        self._known = {name: at for name, at in self._known.items() if name in found}
        return done

    async def bring_up(self, approval: Approval) -> None:
        """Show a question as it is now. Raises: as `Chat.show`."""
        await self.chat.show(question_of(await card(self.home, approval.approval_id)))
        self._known[approval.approval_id] = _moved(approval)

    async def answer(self, pressed: Pressed) -> str | None:
        """Take somebody's word, bound to the hash that the button carries; what they are told if it is not taken."""
        by = self.chat.person(pressed.user)
        if by is None:
            return STRANGER
        home = self.home
        try:
            await home.approvals.vote(
                home.tenant,
                pressed.approval_id,
                kind=pressed.kind,
                proposal_hash=pressed.proposal_hash,
                by=by,
                policy=home.policy.version,
                now=home.clock.now(),
            )
        except BadInput as error:
            return _SAID.get(error.code, "Your answer was not taken.")
        except Temporary:
            return LATER
        return None

    async def after(self, pressed: Pressed, words: str | None) -> None:
        """Tell who pressed what went wrong, and bring the message up to date; a chat that is away is no error."""
        try:
            if words is not None:
                await self.chat.whisper(pressed.user, words)
            found = await self.home.approvals.get(self.home.tenant, pressed.approval_id)
            if found is not None and words != STRANGER:
                await self.bring_up(found)
        except LeadgraphError:
            return


def question_of(found: Card) -> Question:
    """A card as a chat shows it: each field with what is there, not the whole requests."""
    approval = found.approval
    is_open = approval.state is ApprovalState.OPEN
    return Question(
        approval_id=approval.approval_id,
        proposal_hash=approval.proposal_hash,
        open=is_open,
        head=f"May this be done? Lead {approval.lead_id}, question {approval.approval_id}",
        standing=_standing(approval),
        writes=[line for offer in found.offers for line in _lines(offer)] if is_open else [],
        why=reasons(found.decision) if is_open else [],
    )


def _lines(offer: Offer) -> list[str]:
    lines = [
        f"{change.step.value}: {change.field}: {change.before or 'nothing'} → {change.after or 'nothing'}"
        for change in offer.changes
        if change.field != REQUEST
    ]
    away = [] if offer.away is None else [f"{offer.away} cannot be asked now what is there"]
    return [f"{offer.row.kind.value}:", *lines, *away]


def _standing(approval: Approval) -> str:
    yes = [vote.by for vote in approval.votes if vote.kind is VoteKind.APPROVE]
    no = [vote.by for vote in approval.votes if vote.kind is VoteKind.REJECT]
    match approval.state:
        case ApprovalState.OPEN:
            until = iso(Instant(approval.expires_at))[:16].replace("T", " ")
            said = f"{len(yes)} of {approval.terms.people} people have approved"
            return f"{said}. Not sent after {until} UTC."
        case ApprovalState.APPROVED:
            return f"Approved by {', '.join(yes)}."
        case ApprovalState.REJECTED:
            return f"Rejected by {', '.join(no)}. Nothing is sent."
        case ApprovalState.EXPIRED:
            return "Nobody decided in time: nothing is sent."
        case ApprovalState.EDITED:
            return "Somebody has changed it: another question stands in its place."
        case _:
            return "What it was asked under no longer holds: nothing is sent, the lead is decided anew."


def _moved(approval: Approval) -> tuple[str, int]:
    return approval.state.value, len(approval.votes)
