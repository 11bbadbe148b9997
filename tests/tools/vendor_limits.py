"""What vendors take: windows of requests in front of a fake, with the headers and refusals that each of them gives."""

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any, Final

from domain.instants import DAY, MINUTE, SECOND, moment
from tests.tools.vendor_server import Asked, Fake, Said

TEN_S: Final = 10 * SECOND
TICKET: Final = re.compile(r"/api/v2/tickets/(\d+)(?:/tags)?")


@dataclass
class Window:
    """So many requests within any `span` (microseconds)."""

    most: int
    span: int
    taken: deque[int] = field(default_factory=deque)

    def left(self, now: int) -> int:
        """Requests that may still come."""
        while self.taken and self.taken[0] <= now - self.span:
            self.taken.popleft()
        return self.most - len(self.taken)

    def opens(self, now: int) -> int:
        """Seconds until one more may come, rounded up."""
        return max(1, -(-(self.taken[0] + self.span - now) // SECOND)) if self.taken else 1


Say = Callable[["Limited", Asked, int], tuple[Said | None, Mapping[str, str]]]
"""A refusal, if it is one too many, and the headers of any other answer."""


@dataclass
class Limited:
    """Satisfies `Fake` by another one, whose attributes it has. `others` use up so many requests with each of ours."""

    fake: Any
    say: Say
    now: Callable[[], int]
    windows: dict[str, Window]
    others: int = 0
    refused: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.fake, name)

    def handle(self, asked: Asked) -> Said:
        """Answer one request, or say that it is one too many."""
        now = self.now()
        for window in list(self.windows.values()) if self.others else []:
            window.taken.extend([now] * min(self.others, max(0, window.left(now) - 1)))
        refusal, headers = self.say(self, asked, now)
        if refusal is not None:
            self.refused.append(f"{asked.method} {asked.path}")
            return refusal
        said: Said = self.fake.handle(asked)
        return Said(said.status, said.body, {**said.headers, **headers})

    def take(self, name: str, now: int) -> bool:
        """Whether one more is taken."""
        window = self.windows[name]
        if window.left(now) < 1:
            return False
        window.taken.append(now)
        return True


def _hubspot(vendor: Limited, asked: Asked, now: int) -> tuple[Said | None, Mapping[str, str]]:
    """A second of searches, whose answers count nothing; ten seconds and a day of all."""
    policies = {"day": "DAILY", "ten": "TEN_SECONDLY_ROLLING"}
    if asked.path.endswith("/search"):
        policies["search"] = "SECONDLY"
    for name, policy in policies.items():
        if not vendor.take(name, now):
            body = {
                "status": "error",
                "errorType": "RATE_LIMIT",
                "policyName": policy,
                "message": "secret words",
            }
            return Said(429, body), {}
    if "search" in policies:
        return None, {}
    return None, {
        "x-hubspot-ratelimit-max": str(vendor.windows["ten"].most),
        "x-hubspot-ratelimit-remaining": str(vendor.windows["ten"].left(now)),
        "x-hubspot-ratelimit-interval-milliseconds": "10000",
        "x-hubspot-ratelimit-daily": str(vendor.windows["day"].most),
        "x-hubspot-ratelimit-daily-remaining": str(vendor.windows["day"].left(now)),
    }


def _salesforce(vendor: Limited, asked: Asked, now: int) -> tuple[Said | None, Mapping[str, str]]:
    """The last 24 hours, told with each answer."""
    if asked.path == "/services/oauth2/token":
        return None, {}
    taken, window = vendor.take("day", now), vendor.windows["day"]
    usage = {"sforce-limit-info": f"api-usage={len(window.taken)}/{window.most}"}
    body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "secret words"}]
    return (None if taken else Said(403, body, usage)), usage


def _intercom(vendor: Limited, _: Asked, now: int) -> tuple[Said | None, Mapping[str, str]]:
    taken, window = vendor.take("ten", now), vendor.windows["ten"]
    headers = {
        "x-ratelimit-limit": str(window.most),
        "x-ratelimit-remaining": str(window.left(now)),
        "x-ratelimit-reset": str(now // SECOND + window.opens(now)),
        "date": format_datetime(moment(now), usegmt=True),  # type: ignore[arg-type]  # an instant
    }
    body = {"type": "error.list", "errors": [{"code": "rate_limit_exceeded", "message": "secret words"}]}
    return (None if taken else Said(429, body, headers)), headers


def _chatwoot(vendor: Limited, _: Asked, now: int) -> tuple[Said | None, Mapping[str, str]]:
    """No count is told before it is used up."""
    if vendor.take("minute", now):
        return None, {}
    return Said(429, None, {"retry-after": str(vendor.windows["minute"].opens(now))}), {}


def _zendesk(vendor: Limited, asked: Asked, now: int) -> tuple[Said | None, Mapping[str, str]]:
    """The account's minute, and ten minutes of each ticket, which the account's headers do not tell."""
    taken, window = vendor.take("minute", now), vendor.windows["minute"]
    headers = {
        "x-rate-limit": str(window.most),
        "ratelimit-remaining": str(window.left(now)),
        "x-rate-limit-remaining": str(window.left(now)),
        "ratelimit-reset": str(window.opens(now)),
    }
    ticket = TICKET.fullmatch(asked.path) if asked.writes else None
    name = f"ticket {ticket[1]}" if ticket else ""
    if ticket:
        vendor.windows.setdefault(name, Window(30, 10 * MINUTE))
    if taken and (not ticket or vendor.take(name, now)):
        return None, headers
    which = vendor.windows[name] if taken else window
    body = {"error": "TooManyRequests", "description": "secret words"}
    return Said(429, body, {**headers, "retry-after": str(which.opens(now))}), headers


PUBLISHED: Final[Mapping[str, tuple[Say, Mapping[str, tuple[int, int]]]]] = {
    "hubspot": (_hubspot, {"ten": (100, TEN_S), "search": (5, SECOND), "day": (250_000, DAY)}),
    "salesforce": (_salesforce, {"day": (15_000, DAY)}),
    "intercom": (_intercom, {"ten": (1_666, TEN_S)}),
    "chatwoot": (_chatwoot, {"minute": (300, MINUTE)}),
    "zendesk": (_zendesk, {"minute": (200, MINUTE)}),
}
"""By vendor: how it counts, and the least that it gives."""


def limited(vendor: str, fake: Fake, now: Callable[[], int], *, others: int = 0, **most: int) -> Limited:
    """The fake as its vendor limits it; ``ten=20`` says how many a window takes instead."""
    say, windows = PUBLISHED[vendor]
    made = {name: Window(most.get(name, usual), span) for name, (usual, span) in windows.items()}
    return Limited(fake, say, now, made, others)
