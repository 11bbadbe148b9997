"""The connector with the workspace behind it."""

import hmac
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from domain.ids import TenantId
from domain.ports.receivers import Delivery
from tests.tools.chat.fake_slack import TOKEN, FakeSlack
from tests.tools.crm.vendor_worlds import LOCAL, Account, Recorded
from tests.tools.crm.worlds import FixedClock
from tests.tools.vendor_server import Wire
from tools.chat.questions import Questions
from tools.chat.slack import MANNERS, Notices, Slack
from tools.field_map import FieldMap
from tools.marked import MarkedTarget
from tools.sent import Sent
from tools.vendor import Api

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = "application/x-www-form-urlencoded"
PEOPLE = FieldMap(fields={}, owner={}, own={}, people={"ann": "U1", "bob": "U2"}, queues={})


async def fixed(_stale: str | None) -> str:
    """The token that never changes."""
    return TOKEN


class Workspace:
    """Slack with an empty channel."""

    def __init__(self, folder: Path, clock: Any = None, wire: Wire | None = None, **choices: Any) -> None:
        self.clock = clock or FixedClock()
        self.wire = wire or Wire(FakeSlack(self.clock.now))
        self.fake = self.wire.fake
        renew, tenant = choices.pop("renew", fixed), choices.pop("tenant", "t1")
        api = Api(
            MANNERS,
            LOCAL,
            renew,
            self.clock,
            setting="slack_token",
            transport=self.wire.transport(),
            **choices,
        )
        self.slack = Slack(api, "C0SALES", self.clock)
        self.sent = sent = Sent(folder / "slack.db", self.clock)
        self.chat = Questions(
            self.slack,
            sent,
            self.clock,
            PEOPLE,
            secrets=("another-secret-of-ours", SECRET),
            teams=frozenset({"T1"}),
        )
        target = MarkedTarget(Notices(self.slack), api, sent, tenant=TenantId(tenant))
        self.account = Account(Recorded(target), self.fake, self.wire, self.clock, self.slack.check)

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.at += round(seconds * 1_000_000)


def signed(body: bytes, at: float, *, secret: str = SECRET, kind: str = FORM) -> Mapping[str, str]:
    """The headers of what Slack sends at `at` (seconds since 1970)."""
    timestamp = str(int(at))
    proof = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, sha256).hexdigest()
    return {
        "content-type": kind,
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": f"v0={proof}",
    }


def pressed(button: Mapping[str, Any], user: str = "U1", *, team: str = "T1") -> bytes:
    """The body of a press."""
    payload = {
        "type": "block_actions", "user": {"id": user}, "team": {"id": team}, "response_url": "http://127.0.0.1/x",
        "actions": [{"type": "button", "action_id": button["action_id"], "value": button["value"]}],
    }  # fmt: skip
    return b"payload=" + quote(orjson.dumps(payload)).encode()


def delivery(body: bytes, at: float, **choices: Any) -> Delivery:
    """A press as it comes in."""
    return replace(Delivery({}, body), headers=signed(body, at, **choices))
