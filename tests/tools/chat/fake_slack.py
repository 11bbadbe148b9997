"""A Slack workspace in memory, with one channel in which the app is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from domain.effect import StepKind
from domain.instants import SECOND
from tests.tools.vendor_server import Asked, Said

TOKEN: Final = "xoxb-slack-secret"
CHANNEL: Final = "C0SALES"
KINDS: Final = frozenset({"section", "actions"})


@dataclass
class FakeSlack:
    """Satisfies `Fake`. `ledger` is what was posted: the mark that the request carried, and the kind of step."""

    contract: ClassVar = "slack"
    now: Callable[[], int]
    token: str = TOKEN
    messages: list[dict[str, Any]] = field(default_factory=list)
    whispers: list[tuple[str, str]] = field(default_factory=list)
    members: tuple[str, ...] = ("U1", "U2", "U9")
    page: int = 200
    scopes: str = "chat:write,channels:history"
    ledger: list[tuple[str, StepKind]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def handle(self, asked: Asked) -> Said:
        """Answer one request: what goes wrong is said with status 200."""
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return Said(200, {"ok": False, "error": "token_expired"})
        method = asked.path.removeprefix("/api/")
        given = asked.body if asked.method == "POST" else asked.query
        if method != "auth.test" and given.get("channel") != CHANNEL:
            return Said(200, {"ok": False, "error": "channel_not_found"})
        wrong = _wrong(given)
        if wrong:
            self.broken.append(f"{method}: {wrong}")
            return Said(200, {"ok": False, "error": "invalid_blocks", "secret": "words"})
        return Said(200, self._answers()[method](given), {"x-oauth-scopes": self.scopes})

    def _answers(self) -> dict[str, Callable[[Any], Any]]:
        return {
            "auth.test": lambda _: {"ok": True},
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.postEphemeral": self._whisper,
            "conversations.history": self._history,
        }

    def _post(self, given: dict[str, Any]) -> Any:
        ts = f"{self.now() // SECOND}.{len(self.messages):06d}"
        self.messages.append({**given, "ts": ts})
        self.ledger.append((given["metadata"]["event_payload"]["mark"], StepKind.NOTIFY))
        return {"ok": True, "ts": ts, "channel": CHANNEL}

    def _update(self, given: dict[str, Any]) -> Any:
        for message in self.messages:
            if message["ts"] == given["ts"]:
                message |= given
                return {"ok": True, "ts": given["ts"]}
        return {"ok": False, "error": "message_not_found"}

    def _whisper(self, given: dict[str, Any]) -> Any:
        if given["user"] not in self.members:
            return {"ok": False, "error": "user_not_in_channel"}
        self.whispers.append((given["user"], given["text"]))
        return {"ok": True}

    def _history(self, given: dict[str, Any]) -> Any:
        found = [one for one in self.messages[::-1] if float(one["ts"]) > float(given.get("oldest", "0"))]
        start = int(given.get("cursor") or "0")
        end = start + min(self.page, int(given["limit"]))
        cursor = str(end) if end < len(found) else ""
        return {"ok": True, "messages": found[start:end], "response_metadata": {"next_cursor": cursor}}

    def buttons(self, message: int = -1) -> list[dict[str, Any]]:
        """The buttons of a message."""
        return [one for block in self.messages[message]["blocks"] for one in block.get("elements", [])]

    def text(self, message: int = -1) -> str:
        """All that a message shows."""
        return "\n".join(
            block["text"]["text"] for block in self.messages[message]["blocks"] if block["type"] == "section"
        )


def _wrong(given: Any) -> str:
    """What Slack has against the blocks of a message."""
    blocks = given.get("blocks", [])
    if len(blocks) > 50 or any(block["type"] not in KINDS for block in blocks):
        return "blocks"
    texts = [block["text"] for block in blocks if block["type"] == "section"]
    if any(text["type"] != "plain_text" or not 0 < len(text["text"]) <= 3_000 for text in texts):
        return "text"
    if any(len(one["value"]) > 2_000 for block in blocks for one in block.get("elements", [])):
        return "value"
    return ""
