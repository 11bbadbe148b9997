"""Questions in a Slack channel: one message each, kept up to date, and what is pressed in them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qs

from domain.approval import VoteKind
from domain.effect import StepKind
from domain.errors import BadInput, Refused, Temporary
from domain.instants import SECOND
from domain.parsing import decode
from domain.ports.chat import Challenge, Pressed, Question
from domain.ports.clock import Clock
from domain.ports.receivers import Delivery, NotSetUp, Unproven
from tools.chat.blocks import APPROVE, REJECT, WHOLE, asked, plain
from tools.chat.slack import Slack
from tools.field_map import FieldMap
from tools.proofs import fresh, header, hex_sha256, same, whole
from tools.said import LEVELS, table, word
from tools.sent import Note, Sent, mark_of

KEY: Final = "question/"
"""What the keys of our notes begin with."""
PATIENCE_S: Final = 60
"""Seconds after which a message of which nothing was heard is looked for: until then another process may post it."""
SECRETS: Final = "webhook_slack_secrets"
_KINDS: Final = {APPROVE: VoteKind.APPROVE, REJECT: VoteKind.REJECT}


class Questions:
    """Satisfies `domain.ports.chat.Chat`."""

    def __init__(
        self,
        slack: Slack,
        sent: Sent,
        clock: Clock,
        fields: FieldMap,
        *,
        secrets: Sequence[str] = (),
        teams: frozenset[str] = frozenset(),
    ) -> None:
        """`fields` names our people, `secrets` sign what Slack sends, `teams` are the workspaces that are heard."""
        self._slack, self._sent, self._clock, self._fields = slack, sent, clock, fields
        self._secrets, self._teams = tuple(secrets), teams

    async def show(self, question: Question) -> bool:
        """Post the question once, or bring its message up to date; one that has ended is never posted anew."""
        key, blocks = KEY + question.approval_id, asked(question)
        digest = sha256(json.dumps(blocks, sort_keys=True).encode()).hexdigest()
        note = await self._sent.note(key)
        if note is None or not note.thing:
            note = await self._posted(question, note, blocks, digest)
        if note is None or note.digest == digest:
            return note is not None
        try:
            await self._slack.update(note.thing, _words(question), blocks)
        except Refused as refusal:
            if refusal.code != "gone":
                raise
        await self._sent.keep(replace(note, digest=digest, before=_standing(question, note.before)))
        return True

    async def showing(self) -> Sequence[str]:
        """The ids of approvals whose messages still have buttons."""
        notes = await self._sent.under(KEY)
        return [note.key.removeprefix(KEY) for note in notes if note.before.get("open") == "yes"]

    async def whisper(self, user: str, words: str) -> None:
        """Tell one person of the channel something that nobody else sees."""
        await self._slack.whisper(user, plain(words))

    def person(self, user: str) -> str | None:
        """Our name of the person with that id in Slack."""
        return next((ours for ours, known in self._fields.people.items() if known == user), None)

    def verify(self, delivery: Delivery, *, now: int) -> None:
        """Signature ``v0`` over time and body, within five minutes both ways. Raises: Unproven, NotSetUp."""
        if not any(self._secrets):
            raise NotSetUp(SECRETS)
        timestamp = header(delivery, "x-slack-request-timestamp")
        given = header(delivery, "x-slack-signature")
        fresh(whole(timestamp, SECOND), now)
        if not given.startswith("v0="):
            raise Unproven("signature")
        text = b"v0:" + timestamp.encode() + b":" + delivery.body
        same(given.removeprefix("v0="), hex_sha256(self._secrets, text))

    def read(self, delivery: Delivery) -> Pressed | Challenge | None:
        """A button of ours that was pressed, or Slack's question whether we listen. Raises: BadInput."""
        body = table(_document(delivery))
        if body.get("type") == "url_verification":
            return Challenge((word(body.get("challenge")) or "")[:500])
        team = word(table(body.get("team")).get("id"))
        actions = body.get("actions")
        if body.get("type") != "block_actions" or not isinstance(actions, list) or len(actions) != 1:
            return None
        action, user = table(actions[0]), word(table(body.get("user")).get("id"))
        kind = _KINDS.get(word(action.get("action_id")) or "")
        if kind is None or user is None or (self._teams and team not in self._teams):
            return None
        approval, proposal, shown = [*(word(action.get("value")) or "").split("|"), "", ""][:3]
        if kind is VoteKind.APPROVE and shown != WHOLE:
            proposal = ""  # its message did not show all that it asks about
        return Pressed(approval, proposal, kind, user)

    async def _posted(
        self, question: Question, note: Note | None, blocks: Sequence[Mapping[str, Any]], digest: str
    ) -> Note | None:
        """The note of the message, posted now if there is none; None if it is not to be, or not yet."""
        key, now = KEY + question.approval_id, self._clock.now() // SECOND
        if note is None:
            before = {"since": self._slack.since(), "at": str(now), "open": "yes"}
            note = Note(key, "", StepKind.NOTIFY, self._slack.channel, "", before)
            if not question.open or not await self._sent.claim(note):
                return None
        elif now - int(note.before["at"]) < PATIENCE_S:
            return None
        else:
            found = await self._looked_for(note)
            note = replace(note, thing=found, before=_standing(question, note.before) | {"at": str(now)})
            await self._sent.keep(note)
            if found or not question.open:
                return note if found else None
        try:
            ts = await self._slack.post(_words(question), blocks, mark_of(key))
        except (Temporary, Refused):  # nothing was posted, so nobody need wait for it
            await self._sent.keep(replace(note, before={**note.before, "at": "0"}))
            raise
        note = replace(note, thing=ts, digest=digest)
        await self._sent.keep(note)
        return note

    async def _looked_for(self, note: Note) -> str:
        """How Slack names the message, empty if it is not there, or if we may not look: then it is posted again."""
        try:
            return await self._slack.find(mark_of(note.key), since=note.before["since"]) or ""
        except Refused:
            return ""


def _standing(question: Question, before: Mapping[str, str]) -> dict[str, str]:
    return {**before, "open": "yes" if question.open else "no"}


def _words(question: Question) -> str:
    """What stands in notifications: none of a customer's words."""
    return (
        f"A question waits for a person: {question.approval_id}"
        if question.open
        else "A question was answered"
    )


def _document(delivery: Delivery) -> Any:
    """The JSON, which a press carries in a form. Raises: BadInput."""
    if delivery.headers.get("content-type", "").lower().startswith("application/json"):
        return decode(delivery.body, LEVELS)
    try:
        found = parse_qs(delivery.body.decode(), strict_parsing=True, max_num_fields=20).get("payload", [])
    except ValueError:
        found = []
    if len(found) != 1:
        raise BadInput("payload", "is not one field of a form", "send it as Slack does", code="not_form")
    return decode(found[0].encode(), LEVELS)
