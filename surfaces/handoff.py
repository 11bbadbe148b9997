"""Deciding about a support talk: take the messages in, hear, commit against the state that was read, answer.

A decision is written with its action in one transaction, and only if the talk, the lead and the room of the
salesperson are still those that were read; else it is decided once more, then a person is asked. This holds over
processes. What is sent later is looked at once more right before it leaves (`agents.actuation`).
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from pydantic import ValidationError

from agents.actuation import propose
from agents.handoff import action_of, desk_action_of, goes_back, reopened, still_with_person, to_read
from domain.action import ActionSpec, Proposal
from domain.audit import AuditEntry
from domain.decision import RunInput
from domain.effect import StepKind
from domain.errors import Backpressure, BadInput, Temporary
from domain.handing import SALES, Stage, beside, episode_for, fresh_episode
from domain.handoff import Handoff, Heard, Message, Situation, Step, Talk
from domain.happening import told_of
from domain.ids import RunId
from domain.instants import Instant, instant, iso
from domain.intents import CUSTOMER
from domain.kinds import Kind
from domain.lead import LeadState
from domain.policy import Verdict, VerdictKind
from domain.ports.desks import Desks
from domain.ports.home import Home
from domain.ports.listener import Listener
from domain.ports.talks import Kept, TalkDecision
from surfaces.door import Item, take
from surfaces.handoff_facts import keys_of, lead_of, name_of, situation_of
from surfaces.handoff_record import CONFLICT, TalkRecord, answer_to, pack

STEP: Final = "handoff"
SOURCE: Final = "desk"
"""The source of the signals that a talk's messages become."""
DEADLINE_S: Final = 2.0
LONGEST_READ: Final = 4_000
"""Characters of one message that are read."""
MOST_READ: Final = 40_000
"""Characters of the customer's that are read in all, the newest."""
HEARING: Final = 2
"""Talks that are heard at a time; one that is too slow ends by itself, as what is read is bounded."""
_ATTEMPTS: Final = 2
_FIRST: Final = Message(id="first", role="customer", text="Hello", at=datetime(2000, 1, 1, tzinfo=UTC))
_LONGEST_ID: Final = 200


class InHand(Exception):
    """A run's handing over of the lead is on its way; in a moment it is known which conversation it takes."""


class Desk:
    """Decides about talks of one home."""

    def __init__(
        self, home: Home, listener: Listener, *, deadline_s: float = DEADLINE_S, followed: Desks | None = None
    ) -> None:
        """`deadline_s` bounds the hearing; after it a person is asked.

        Talks of a `followed` desk are read there, so their messages are signals already, and support is asked there.
        """
        self._home, self._listener, self._deadline_s = home, listener, deadline_s
        self._followed = followed
        self._threads = ThreadPoolExecutor(HEARING, thread_name_prefix="hearing")

    async def decide(self, talk: Talk, *, read_at: int | None = None) -> Handoff:
        """The answer to `talk` as it was at `read_at` (an Instant; None: now), on record.

        Raises: BadInput, Temporary (the store), Permanent (no reader at all).
        """
        run = run_of(self._home, talk)
        full = None if self._followed else await self._take_in(talk)
        for _ in range(_ATTEMPTS):
            seen, lead = await situation_of(self._home, talk, run, read_at=read_at)
            talk = reopened(talk, seen) if self._followed else talk
            heard, missing = await self._hear(talk, seen)
            answer = await self._record(talk, seen, heard, missing or full, lead=lead)
            if answer is not None:
                return answer
        seen, lead = await situation_of(self._home, talk, run, read_at=read_at)
        answer = await self._record(talk, seen, None, CONFLICT, lead=lead)
        if answer is None:
            raise Temporary(f"{self._home.root}: a talk's decision could not be written")
        return answer

    async def follow(self, talk: Talk, *, read_at: int | None = None) -> Handoff | None:
        """Decide about a talk as its desk showed it at `read_at`; None if all that was said has been dealt with.

        One that is closed there is put down as done, and no more. Raises: as `decide`; InHand.
        """
        run = run_of(self._home, talk)
        for _ in range(_ATTEMPTS):
            seen, lead = await situation_of(self._home, talk, run, read_at=read_at)
            if talk.status != "closed":
                if not any(message.role == CUSTOMER for message in to_read(talk, seen)):
                    return None
                if any(one.stage is Stage.MOVING for one in seen.handings):
                    raise InHand
                return await self.decide(talk, read_at=read_at)
            if seen.released and len(talk.messages) == seen.handed_at:
                return None
            seen = replace(seen, done=True)
            if (answer := await self._record(talk, seen, None, None, lead=lead)) is not None:
                return answer
        raise Temporary(f"{self._home.root}: that a talk was closed could not be written")

    async def would(self, talk: Talk) -> Handoff:
        """The answer to `talk` as `decide` would give it now: nothing is kept, nothing is sent. Raises: as `decide`."""
        seen, _ = await situation_of(self._home, talk, run_of(self._home, talk))
        heard, missing = await self._hear(talk, seen)
        return answer_to(talk, seen, heard, missing, self._home.policy)

    def over(self, home: Home) -> "Desk":
        """The same desk over another view of its home: it hears with the same ears, and closes with this one."""
        other = copy(self)
        other._home = home
        return other

    def close(self) -> None:
        """Hear no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _take_in(self, talk: Talk) -> str | None:
        """The customer's messages become signals, unless they may not be kept; the code of what stood in the way."""
        home = self._home
        lead = await lead_of(home, talk)
        if lead is not None and lead.suppressed:
            return None
        keys = await keys_of(home, talk, lead)
        name = name_of(home, talk)
        items = [
            _item(talk, name, keys, n, message) for n, message in enumerate(talk.messages) if _spoken(message)
        ]
        try:
            if items:
                await take(home, items)
        except Backpressure:
            return "inbox:full"
        return None

    async def _hear(self, talk: Talk, seen: Situation) -> tuple[Heard | None, str | None]:
        """What the customer says, or the code of why it could not be heard; nothing is read that need not be."""
        if seen.forgotten or still_with_person(talk, seen):
            return None, None
        messages = bounded(to_read(talk, seen))

        def hear() -> Heard:
            return asyncio.run(_heard(self._listener, messages))

        hearing = asyncio.get_running_loop().run_in_executor(self._threads, hear)
        try:
            return await asyncio.wait_for(hearing, self._deadline_s), None
        except TimeoutError:
            return None, "reader:deadline"
        except Temporary:
            return None, "reader:down"

    async def _record(
        self, talk: Talk, seen: Situation, heard: Heard | None, missing: str | None, *, lead: LeadState | None
    ) -> Handoff | None:
        """The answer as committed; None if what it rests on has changed."""
        home = self._home
        run = run_of(home, talk)
        answer = replace(answer_to(talk, seen, heard, missing, home.policy), run_id=run)
        dry = self._followed is not None and self._followed.dry
        back = self._followed is not None and goes_back(answer, seen)
        proposal = None if dry else await self._proposal(talk, answer, seen, lead)
        route, kinds = answer.route, [proposal.kind.value] if proposal else []
        reserves = proposal and seen.listed and beside(seen.handings, talk.conversation_id) is None
        given = TalkDecision(
            conversation=name_of(home, talk),
            run_id=run,
            messages=len(talk.messages),
            gives=answer.decision is not Step.STAY and not dry,
            returns=back and not dry,
            team="support" if back else route.team if route else None,
            person=route.person if route else None,
            taken=talk.status == "with_person",
            closed=talk.status == "closed",
            done=seen.done,
            entry=self._entry(talk, answer, lead, dry=dry),
            record=None
            if seen.forgotten
            else pack(TalkRecord(talk, seen, heard, missing, answer, dict(home.versions))),
            proposal=proposal,
            reserved=route.person if route and reserves else None,
            told=None if dry else told_of(answer, actions=kinds, policy=home.policy.version),
            told_if_open=None if dry else told_of(answer, actions=[], policy=home.policy.version),
            seen=seen,
        )
        anyhow = missing == CONFLICT or not (answer.route or answer.bot_may_speak or seen.done)
        anyhow = anyhow and proposal is None
        kept = await home.talks.decide(given, expected=None if anyhow else seen.version, now=home.clock.now())
        return _with_action(answer, kept) if kept is not None else None

    async def _proposal(
        self, talk: Talk, answer: Handoff, seen: Situation, lead: LeadState | None
    ) -> Proposal | None:
        """The action, where there is a lead to act for. Support is asked as often as a talk needs it."""
        action = self._action(talk, answer, seen)
        if action is None or lead is None or lead.suppressed:
            return None
        home, name = self._home, talk.conversation_id if self._followed else None
        if action.params.get("queue") == SALES:
            now = home.clock.now()
            episode = episode_for(seen.handings, followed=name, episode=lead.episode, now=now)
        else:
            episode = fresh_episode(seen.handings, home.clock.now())
        lead = replace(lead, episode=episode)
        given = RunInput(
            run_id=RunId(f"{answer.run_id}_{seen.version + 1}"),
            as_of=home.clock.now(),
            reason=STEP,
            lead=lead,
            new=(),
            recent=(),
            account=None,
            reps=(),
            quality=(),
            versions=home.versions,
        )
        verdict = Verdict(
            VerdictKind.ACT, (action,), (), action.params.get("owner"), None, None, "", home.policy.version
        )
        (proposal,) = await propose(given, verdict, waiting=False)
        return proposal

    def _action(self, talk: Talk, answer: Handoff, seen: Situation) -> ActionSpec | None:
        if self._followed is None:
            return action_of(answer)
        tells = self._followed.tells and StepKind.TELL_CUSTOMER in self._home.targets
        return desk_action_of(answer, talk, seen, tells=tells)

    def _entry(self, talk: Talk, answer: Handoff, lead: LeadState | None, *, dry: bool = False) -> AuditEntry:
        """One audit row: codes and numbers; of messages their places only."""
        place = {message.id: index for index, message in enumerate(talk.messages)}
        return AuditEntry(
            tenant=self._home.tenant,
            region=lead.region if lead else self._home.region,
            step=STEP,
            code=answer.decision.value,
            at=Instant(self._home.clock.now()),
            run_id=RunId(answer.run_id),
            lead_id=lead.lead_id if lead else None,
            evidence=tuple(f"message:{place[one.message_id]}" for one in answer.evidence),
            versions=dict(self._home.versions),
            detail={
                "why": answer.why,
                "messages": len(talk.messages),
                "probability": answer.probability,
                "team": answer.route.team if answer.route else None,
                "path": answer.route.path if answer.route else None,
                "reasoner": answer.reasoner,
                "degraded": answer.degraded,
                "rule": answer.rule,
                "sentiment": answer.mood.sentiment.value,
                "urgency": answer.mood.urgency.value,
                **({"dry": True} if dry else {}),
            },
        )


async def warm(listener: Listener) -> None:
    """Hear one text, whatever it takes: a reader loads its weights with the first. Raises: as the listener does."""
    await listener.hear([_FIRST])


def run_of(home: Home, talk: Talk) -> RunId:
    """One id for all decisions about a talk."""
    return RunId("ho_" + sha256(f"{home.tenant}\n{name_of(home, talk)}".encode()).hexdigest()[:24])


def talk_of(raw: bytes | str, place: str) -> Talk:
    """A talk in JSON. Raises: BadInput naming `place`, never the text."""
    try:
        return Talk.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{place} {where}".strip(), first["msg"], "see docs/handoff.md for its form") from None


def bounded(messages: Sequence[Message]) -> tuple[Message, ...]:
    """`messages` in their places, the customer's cut to what is read: the newest first until the bound is reached."""
    left, kept = MOST_READ, list[Message]()
    for message in reversed(messages):
        if message.role == CUSTOMER:
            text = message.text[: min(LONGEST_READ, left)]
            left -= len(text)
            message = message.model_copy(update={"text": text})
        kept.append(message)
    return tuple(reversed(kept))


async def _heard(listener: Listener, messages: Sequence[Message]) -> Heard:
    return await listener.hear(messages)


def _spoken(message: Message) -> bool:
    return message.role == CUSTOMER and bool(message.text.strip())


def _item(talk: Talk, talk_name: str, keys: dict[str, str], place: int, message: Message) -> Item:
    """A message as the door takes it; the same message again is a duplicate there."""
    name = f"{talk_name}:{message.id}"
    return place, {
        "source": SOURCE,
        "id": name if len(name) <= _LONGEST_ID else sha256(name.encode()).hexdigest(),
        "kind": Kind.MESSAGE.value,
        "keys": keys,
        "occurred_at": iso(instant(message.at)),
        "payload": {"text": message.text, "role": CUSTOMER, "conversation_id": talk.conversation_id},
    }


def _with_action(answer: Handoff, kept: Kept) -> Handoff:
    return replace(answer, action=kept.action_id, already=kept.already_open)
