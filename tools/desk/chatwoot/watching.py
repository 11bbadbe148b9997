"""Chatwoot beside other hands: it knows no condition, so we look right before each write that replaces others' values.

What happened to a conversation stands in it as a message of its own, in the account's language: people are known in
it by their names. Chatwoot writes it a moment later, so one that comes too late is missed.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from domain.effect import Step, StepKind
from domain.errors import Refused, Temporary
from tools.beside import Start, Taken, unless_taken
from tools.desk.chatwoot.reading import ACTIVITY, DONE, Account, Conversation, Us, by_person, part, rows_of
from tools.sent import Note
from tools.vendor import Call

LABELS: Final = "/labels"
ATTRIBUTES: Final = "/custom_attributes"
STATUS: Final = "/toggle_status"
_Row = Mapping[str, Any]


class Remaking(Protocol):
    """What a step writes, made from what is there by now."""

    def labels(self, talk: Conversation) -> Call:
        """The labels that are there, with or without ours."""
        ...

    def attributes(self, talk: Conversation) -> Call:
        """The attributes that are there, with ours."""
        ...

    def give(self, agent: str) -> Call:
        """Gives it to an agent, by Chatwoot's id."""
        ...


@dataclass(slots=True)
class Watch:
    """Satisfies `tools.beside.Watch` for one step in `talk`, as it was read.

    Where the step gives it to an owner, Chatwoot knows that one as `agent`.
    """

    read: Account
    talk: Conversation
    remaking: Remaking
    step: Step
    agent: str
    newest: int
    """Number of the newest message when `talk` was read: what is older stands in it."""
    _begun: bool = field(default=False)

    async def __call__(self, call: Call, note: Note) -> Call:
        """The call as it is to be made by now."""
        labels, attributes = call.path.endswith(LABELS), call.path.endswith(ATTRIBUTES)
        if self._begun and not (labels or attributes or call.path.endswith(STATUS)):
            return call
        now = await self.read.conversation(self.talk.id)
        if now is None:
            raise Refused("chatwoot: the conversation was deleted", "gone")
        if not self._begun:
            self._begin(now, note)
        if call.path.endswith(STATUS):
            unless_taken("", self.step, note, closed=now.status == DONE)
        if attributes:
            await self._end(now, Start.of(note))
            return self.remaking.attributes(now)
        return self.remaking.labels(now) if labels else call

    def _begin(self, now: Conversation, note: Note) -> None:
        """Raises: Taken where a person has it since the first try; Temporary where something else changed."""
        self._begun = True
        unless_taken(now.owner, self.step, note, closed=now.status == DONE)
        if _routed(now) != _routed(self.talk):
            raise Temporary("chatwoot: the conversation was changed meanwhile")

    async def _end(self, now: Conversation, start: Start) -> None:
        """Look at what people did since the first try. Raises: Taken where we wrote over it."""
        us = await self.read.us()
        rows = [row async for row in self.read.after(now.id, start.newest)]
        ours = [n for n, row in enumerate(rows) if _happened(row) and _names(row, us.names)]
        others = [
            row for n, row in enumerate(rows) if n not in ours and (_happened(row) or by_person(row, us))
        ]
        if not others:
            return
        agents = await self._agents(us)
        if self.step.kind is StepKind.HAND_OVER and self.step.params.get("owner", start.owner) != start.owner:
            self._judge([row for row in rows[: min(ours, default=None)] if row in others], now, us, agents)
        news = (row for row in others if row["id"] > self.newest)
        await self._add_again(now, [row for row in news if _who(row, agents)])

    def _judge(self, rows: Sequence[_Row], now: Conversation, us: Us, agents: Mapping[str, str]) -> None:
        """`rows` happened before our first write took hold. Raises: Taken if one is a person's."""
        who = [found for row in rows if _happened(row) and (found := _who(row, agents))]
        if not who and not any(by_person(row, us) for row in rows):
            return
        newest = who[-1] if who else set()
        if now.owner != self.step.params["owner"] or self.agent in newest:
            raise Taken(owner_stays=True)
        if len(newest) == 1:
            raise Taken(self.remaking.give(next(iter(newest))), owner_stays=True)
        raise Taken

    async def _add_again(self, now: Conversation, rows: Iterable[_Row]) -> None:
        """The labels that a person added and that are gone."""
        rows = list(rows)
        if not rows:
            return
        body = await self.read.api.read(self.read.get("/labels"))
        titles = {str(one.get("title")) for one in rows_of(part(body, "payload"))}
        gone = sorted(titles - {*now.labels, *self.talk.labels})
        if lost := [title for title in gone if any(_names(row, (title,)) for row in rows)]:
            path = f"{self.read.root}/conversations/{now.id}{LABELS}"
            await self.read.api.write(Call("POST", path, {"labels": [*now.labels, *lost]}))

    async def _agents(self, us: Us) -> Mapping[str, str]:
        """Chatwoot's ids of the other agents, by each of their names."""
        rows = rows_of(await self.read.api.read(self.read.get("/agents")))
        return {
            str(row[name]): str(row.get("id"))
            for row in rows
            for name in ("available_name", "name")
            if row.get(name) and str(row.get("id")) != us.id
        }


def _routed(talk: Conversation) -> Conversation:
    """Without what is looked at again before it is written."""
    return replace(talk, labels=(), attributes={})


def _happened(row: _Row) -> bool:
    return row.get("message_type") == ACTIVITY


def _who(row: _Row, agents: Mapping[str, str]) -> set[str]:
    return {number for name, number in agents.items() if _names(row, (name,))}


def _names(row: _Row, names: Collection[str]) -> bool:
    """If the text names one of `names`, as a whole word."""
    text = str(row.get("content"))
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in names)
