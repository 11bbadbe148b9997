"""Why a model gave nothing: causes, each with what the caller is told."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from domain.errors import LeadgraphError, Permanent, Temporary, Throttled, Unauthorized
from domain.ports.model import NoAnswer


class Why(StrEnum):
    """Causes that lie in the answer, or in what became of the request."""

    NULL = "null_content"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    FILTERED = "filtered"
    REFUSAL = "refusal"
    UNFIT = "unfit"
    NO_COMPLETION = "no_completion"
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    REJECTED = "rejected"
    QUOTA = "quota"
    CREDENTIALS = "credentials"
    UNKNOWN = "unknown_model"
    OUTAGE = "outage"
    THROTTLED = "throttled"
    DEADLINE = "deadline"
    CROWDED = "crowded"


CODES: Final[Mapping[Why, tuple[str, bool]]] = {
    Why.NULL: ("unusable", False),
    Why.EMPTY: ("unusable", False),
    Why.TRUNCATED: ("unusable", False),
    Why.UNFIT: ("unusable", False),
    Why.TOO_LARGE: ("unusable", False),
    Why.ENCODED: ("unusable", True),
    Why.NO_COMPLETION: ("unusable", True),
    Why.FILTERED: ("refused", False),
    Why.REFUSAL: ("refused", False),
    Why.REJECTED: ("refused", False),
    Why.CREDENTIALS: ("refused", True),
    Why.UNKNOWN: ("refused", True),
    Why.QUOTA: ("busy", True),
    Why.THROTTLED: ("busy", True),
    Why.CROWDED: ("busy", True),
    Why.DEADLINE: ("deadline", True),
    Why.OUTAGE: ("down", True),
}
"""Cause -> (code of `NoAnswer`, whether it is worth asking again later)."""
LEFT_ALONE: Final = "left_alone"
"""Code of a `Throttled` that only the breaker asked for."""
_THROTTLES: Final = {LEFT_ALONE: Why.OUTAGE, Why.QUOTA.value: Why.QUOTA}


class Unanswered(NoAnswer):
    """`NoAnswer` with its cause, and what was spent on it. No text of an answer is in it."""

    def __init__(self, why: str, *, code: str, again: bool, attempts: int = 0) -> None:
        """`why` is a word of `Why`, or a budget such as ``lead_tokens``; `attempts` requests were made."""
        super().__init__(code, f"no answer of the model: {why}", again=again)
        self.why, self.attempts = why, attempts


class BadAnswer(Permanent):
    """The endpoint answered with nothing to read; `tokens_in` and `tokens_out` were used, if it says so."""

    def __init__(self, why: Why, *, tokens_in: int | None = None, tokens_out: int | None = None) -> None:
        """See the class."""
        super().__init__(f"the model's answer cannot be used: {why}")
        self.why, self.tokens_in, self.tokens_out = why, tokens_in, tokens_out


class Rejected(Permanent):
    """The endpoint does not take the request as it is. `complaint` is what it says, for finding out what it lacks."""

    def __init__(self, status: int, complaint: str) -> None:
        """`status` is 4xx."""
        super().__init__(f"the model's endpoint rejected the request ({status})")
        self.complaint = complaint


class Lost(Temporary):
    """The request left and its answer did not arrive: it may have been worked on, and paid for."""


class Crowded(LeadgraphError):
    """Too many questions wait here for their turn: not tried again at once, which would only lengthen the queue."""


class OverBudget(Permanent):
    """A budget of the day is used up. `which` is such as ``lead_tokens``."""

    def __init__(self, which: str) -> None:
        """See the class."""
        super().__init__(f"the budget is used up: {which}")
        self.which = which


def unanswered(error: LeadgraphError, attempts: int) -> Unanswered:
    """What the caller is told of an error that ended a question."""
    if isinstance(error, OverBudget):
        return Unanswered(error.which, code="budget", again=False, attempts=attempts)
    why = _why(error)
    code, again = CODES[why]
    return Unanswered(why.value, code=code, again=again, attempts=attempts)


def _why(error: LeadgraphError) -> Why:
    if isinstance(error, BadAnswer):
        return error.why
    if isinstance(error, Throttled):
        return _THROTTLES.get(
            error.code, Why.THROTTLED if not isinstance(error, Unauthorized) else Why.CREDENTIALS
        )
    if isinstance(error, Rejected):
        return Why.REJECTED
    return Why.CROWDED if isinstance(error, Crowded) else Why.OUTAGE
