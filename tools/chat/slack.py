"""Slack's Web API, as far as we use it: messages in one channel, marked so that they can be found again.

Slack knows no idempotency keys, and says what went wrong in an answer with status 200. A message carries its mark as
metadata, by which it is looked for in the channel's history.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from domain.effect import Step, StepKind
from domain.errors import LeadgraphError, OutcomeUnknown, Refused, Temporary, Unauthorized
from domain.instants import SECOND
from domain.ports.clock import Clock
from domain.ports.target import Seen, Subject
from tools.chat.blocks import told
from tools.marked import Plan
from tools.sent import Note
from tools.vendor import Answer, Api, Call, Manners

URL: Final = "https://slack.com"
TOKEN: Final = "slack_token"  # noqa: S105 - the name of a setting
PAGES: Final = 10
"""Pages of two hundred messages that are read to find one."""
SLACK_S: Final = 120
"""How far Slack's clock may be behind ours (seconds)."""
Blocks = Sequence[Mapping[str, Any]]
_MARKED: Final = "leadgraph"
_CREDENTIALS: Final = frozenset({
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "no_permission",
    "org_login_required", "ekm_access_denied",
})  # fmt: skip
_UNCLEAR: Final = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
_GONE: Final = frozenset({
    "channel_not_found", "is_archived", "message_not_found", "cant_update_message", "edit_window_closed",
})  # fmt: skip
_BARRED: Final = frozenset({"not_in_channel", "missing_scope", "restricted_action", "user_not_in_channel"})


class Slack:
    """One channel, in which the app's bot user writes."""

    def __init__(self, api: Api, channel: str, clock: Clock) -> None:
        """`channel` is Slack's id of it."""
        self._api, self.channel, self._clock = api, channel, clock

    def posting(self, words: str, blocks: Blocks, mark: str) -> Call:
        """The request that posts a message; `words` stand where blocks are not shown."""
        body = {
            "channel": self.channel, "text": words, "blocks": list(blocks), "parse": "none", "unfurl_links": False,
            "unfurl_media": False, "metadata": {"event_type": _MARKED, "event_payload": {"mark": mark}},
        }  # fmt: skip
        return Call("POST", "/api/chat.postMessage", body)

    async def post(self, words: str, blocks: Blocks, mark: str) -> str:
        """Post a message; its ``ts``, by which Slack names it."""
        return ts_of(await self._api.write(self.posting(words, blocks, mark)))

    async def update(self, ts: str, words: str, blocks: Blocks) -> None:
        """Put other blocks into a message. Doing it twice changes nothing."""
        body = {"channel": self.channel, "ts": ts, "text": words, "blocks": list(blocks), "parse": "none"}
        await self._api.write(Call("POST", "/api/chat.update", body))

    async def whisper(self, user: str, words: str) -> None:
        """Tell one person of the channel something that nobody else sees."""
        body = {"channel": self.channel, "user": user, "text": words, "parse": "none"}
        await self._api.write(Call("POST", "/api/chat.postEphemeral", body))

    def since(self) -> str:
        """The time, in whole seconds, from which on a message that is posted now is looked for."""
        return str(self._clock.now() // SECOND - SLACK_S)

    async def find(self, mark: str, *, since: str) -> str | None:
        """The ``ts`` of the message with that mark, None if it is not there. Raises: Temporary, Refused."""
        asked = {"channel": self.channel, "oldest": since, "limit": "200", "include_all_metadata": "true"}
        for _ in range(PAGES):
            body = await self._read("conversations.history", asked)
            for one in body.get("messages") or []:
                if ((one.get("metadata") or {}).get("event_payload") or {}).get("mark") == mark:
                    return str(one["ts"])
            asked["cursor"] = (body.get("response_metadata") or {}).get("next_cursor") or ""
            if not asked["cursor"]:
                return None
        raise Temporary("slack: too many messages since")

    async def check(self) -> list[str]:
        """What is missing, one line each; it is only read. Raises: Temporary, Refused."""
        await self._read("auth.test", {})
        try:
            await self._read("conversations.history", {"channel": self.channel, "limit": "1"})
        except Refused as refusal:
            return [
                f"channel: {self.channel} cannot be read ({refusal.code}); invite the app and give it channels:history"
            ]
        return []

    async def _read(self, method: str, asked: Mapping[str, str]) -> dict[str, Any]:
        try:
            body = await self._api.read(Call("GET", f"/api/{method}?{urlencode(asked)}"))
        except OutcomeUnknown as error:
            raise Temporary(str(error)) from None
        return dict(body)


class Notices:
    """Satisfies `tools.marked.Vendor`: notifications as messages."""

    name, takes = "slack", frozenset({StepKind.NOTIFY})

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    async def look(self, subject: Subject) -> Seen:  # noqa: ARG002 - as the port has it
        """Nothing: a channel cannot be asked about a lead."""
        return Seen()

    async def plan(self, step: Step, subject: Subject, mark: str) -> Plan:
        """One message."""
        blocks = told(f"Lead {subject.lead_id}", step.params)
        words = "; ".join(f"{name}: {value}" for name, value in sorted(step.params.items()) if value)
        call = self._slack.posting("A lead needs somebody", blocks, mark)
        return Plan(self._slack.channel, (call,), (("message", "", words),), thing=self._slack.since())

    def ref(self, step: Step, answer: Answer) -> str:  # noqa: ARG002 - as the port has it
        """The message's ``ts``."""
        return ts_of(answer)

    async def found(self, note: Note, mark: str) -> str | None:
        """The message with the mark."""
        return await self._slack.find(mark, since=note.thing)


def ts_of(answer: Answer) -> str:
    """How Slack names the message that was posted. Raises: OutcomeUnknown."""
    ts = answer.body.get("ts")
    if not isinstance(ts, str) or not ts:
        raise OutcomeUnknown("slack: the answer names no message")
    return ts


def _error(answer: Answer) -> str | None:
    """The code of what went wrong, None if it went well or the status says it."""
    if answer.status != 200:
        return None
    body = answer.body if isinstance(answer.body, dict) else {}
    return None if body.get("ok") is True else str(body.get("error") or "no_answer")


def _explain(answer: Answer) -> LeadgraphError | None:
    """Codes go no further than to one of ours: an error of Slack's may quote what was sent."""
    error = _error(answer)
    if error is None:
        return None
    if error in _CREDENTIALS:
        return Unauthorized("slack does not accept our token", TOKEN)
    if error in _GONE:
        return Refused("slack: the channel or message is not there", "gone")
    if error in _BARRED:
        return Refused("slack: the app may not do that in the channel", "forbidden")
    if error in {"ratelimited", "rate_limited"}:
        return Temporary("slack asks us to come later")
    if error in _UNCLEAR or error == "no_answer":
        return OutcomeUnknown("slack: the answer does not say what happened")
    return Refused("slack refused the message", "invalid")


def _stale(answer: Answer) -> bool:
    return answer.status == 401 or _error(answer) in _CREDENTIALS


MANNERS: Final = Manners(
    "slack", lambda token: {"authorization": f"Bearer {token}"}, explain=_explain, stale=_stale
)
"""Slack's."""
