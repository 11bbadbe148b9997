"""Open questions shown in a chat: posted, kept up to date, and answered by who presses a button there."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from domain.approval import Approval, ApprovalState, VoteKind
from domain.errors import BadInput, LeadgraphError, Refused, Temporary, Unauthorized
from domain.ids import Region
from domain.instants import SECOND, Instant, iso
from domain.ports.chat import Chat, Pressed, Question
from domain.ports.home import Home
from surfaces.approving import Answer, Card, Offer, card, decide, reasons
from surfaces.counts import Counts
from surfaces.serving import served

IDLE_S: Final = 2.0
"""Rest between two looks at what is open."""
MOST: Final = 1_000
"""Open questions that are shown."""
LONGEST_S: Final = 300.0
"""Longest rest before a question that could not be shown is tried again."""
CHANNEL: Final = ""
"""The name under which the whole channel rests."""
_OF_CHANNEL: Final = frozenset({"gone", "forbidden"})
REQUEST: Final = "request"
"""The field of a dry run that holds a whole request: it is left out where the fields in it are told one by one."""
_SAID: Final = {
    "changed": "What would be written has changed since this message was made; look at the new question.",
    "used": "This question was decided already, its time is over, or it no longer holds and is decided anew.",
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
    regions: frozenset[str] = frozenset()
    """Of which regions questions are asked and answered there; none: of the home's own."""
    _known: dict[str, tuple[str, int]] = field(default_factory=dict)
    """How far each question was when its message was brought up to date."""
    _rests: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Until when (an Instant) a question, or `CHANNEL`, is left alone, and how often in a row it failed."""
    _busy: dict[str, bool] = field(default_factory=dict)
    """Questions that are being brought up to date, and whether that is to be done once more."""

    def __post_init__(self) -> None:
        """Without `regions` they are the home's own."""
        self.regions = self.regions or frozenset({self.home.region})

    async def serve(self, stop: asyncio.Event, *, idle_s: float = IDLE_S) -> Shown:
        """Keep the messages up to date until `stop`."""
        return await served(self.one_pass, stop, Shown(), idle_s=idle_s)

    async def one_pass(self) -> Shown:
        """Post what is new, update what has moved on. What fails is tried again, later each time.

        Where the chat itself is away, or the channel is gone, the others are not tried either.
        """
        done = Shown()
        if self._rests_still(CHANNEL):
            return done
        found = await self._found()
        for approval in found.values():
            name = approval.approval_id
            if self._known.get(name) == _moved(approval) or self._rests_still(name):
                continue
            await self._tried(approval, done)
            if self._rests_still(CHANNEL):
                break
        for kept in (self._known, self._rests):
            for name in set(kept) - set(found) - {CHANNEL}:
                del kept[name]
        return done

    async def _tried(self, approval: Approval, done: Shown) -> None:
        """Bring one up to date; it, or the whole channel, rests if that failed."""
        try:
            shown = await self.bring_up(approval)
        except LeadgraphError as error:
            done.failed += 1
            self._rest(CHANNEL if _concerns_all(error) else approval.approval_id)
            return
        self._rests.pop(CHANNEL, None)
        if shown:
            done.shown += 1
        else:
            self._rest(approval.approval_id)

    async def bring_up(self, approval: Approval) -> bool:
        """Show a question as it is now; False if that is to be done again. Raises: as `Chat.show`."""
        name = approval.approval_id
        if name in self._busy:  # whoever is at it looks once more
            self._busy[name] = True
            return True
        self._busy[name], shown = True, False
        try:
            while self._busy[name]:
                self._busy[name] = False
                shown = await self._shown(name)
        finally:
            del self._busy[name]
        return shown

    async def _shown(self, name: str) -> bool:
        found = await card(self.home, name)
        asked = question_of(found) if found.approval.region in self.regions else _withdrawn(found.approval)
        shown = await self.chat.show(asked) and (asked.whole or not asked.open)
        if shown:
            self._known[name] = _moved(found.approval)
            self._rests.pop(name, None)
        return shown

    async def answer(self, pressed: Pressed) -> str | None:
        """Take somebody's word, bound to the hash that the button carries; what they are told if it is not taken."""
        by = self.chat.person(pressed.user)
        if by is None:
            return STRANGER
        try:
            found = await self.home.approvals.get(self.home.tenant, pressed.approval_id)
            if found is None or found.region not in self.regions:
                return _SAID["unknown"]
            await decide(self.home, found, Answer(pressed.kind, pressed.proposal_hash, by))
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
            if found is None or words == STRANGER or self._known.get(found.approval_id) == _moved(found):
                return
            await self.bring_up(found)
        except LeadgraphError:
            return

    async def _found(self) -> dict[str, Approval]:
        """By id: questions that are open, and those whose messages still have buttons."""
        home, found = self.home, dict[str, Approval]()
        for region in sorted(self.regions):
            asked = await home.approvals.open(home.tenant, region=Region(region), limit=MOST)
            found |= {one.approval_id: one for one in asked}
        for name in await self.chat.showing():
            if name not in found:
                ended = await home.approvals.get(home.tenant, name)
                found |= {} if ended is None else {name: ended}
        return found

    def _rest(self, name: str) -> None:
        _, failed = self._rests.get(name, (0, 0))
        wait = min(LONGEST_S, IDLE_S * 2**failed)
        self._rests[name] = self.home.clock.now() + round(wait * SECOND), min(failed + 1, 16)

    def _rests_still(self, name: str) -> bool:
        left = self._rests.get(name, (0, 0))[0] - self.home.clock.now()
        return 0 < left <= LONGEST_S * SECOND  # a clock that was set back holds nobody up


def _concerns_all(error: LeadgraphError) -> bool:
    """Whether the next question would fare no better."""
    if isinstance(error, Refused):
        return error.code in _OF_CHANNEL
    return isinstance(error, Temporary | Unauthorized)


def _withdrawn(approval: Approval) -> Question:
    """A question that is not asked in this chat, but was."""
    return Question(
        approval_id=approval.approval_id,
        proposal_hash=approval.proposal_hash,
        open=False,
        head=f"Question {approval.approval_id}",
        standing=f"It is of the region {approval.region}, whose questions are not asked here.",
    )


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
        whole=all(offer.away is None for offer in found.offers),
        why=reasons(found.decision) if is_open else [],
    )


def _lines(offer: Offer) -> list[str]:
    told = {change.step for change in offer.changes if change.field != REQUEST}
    lines = [
        f"{change.step.value}: {change.field}: {change.before or 'nothing'} → {change.after or 'nothing'}"
        for change in offer.changes
        if change.field != REQUEST or change.step not in told
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
