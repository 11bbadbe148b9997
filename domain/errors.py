"""Errors. The class says what to do next; nobody reads the text to decide."""


class LeadgraphError(Exception):
    """Any error that Leadgraph raises on purpose."""


class BadInput(LeadgraphError):
    """What was given cannot be used: names the `field` and the `remedy`. Goes to quarantine or back to the caller."""

    def __init__(self, field: str, problem: str, remedy: str, *, code: str = "invalid") -> None:
        """`field` is a dotted path such as ``payload.seats``; `code` a stable word for counting."""
        super().__init__(f"{field}: {problem}; {remedy}")
        self.field, self.problem, self.remedy, self.code = field, problem, remedy, code


class Temporary(LeadgraphError):
    """Try again later: the cause is outside and may pass. Never counts towards parking."""


class Throttled(Temporary):
    """Asked to come later, in `retry_after_s` seconds: do not ask before."""

    def __init__(self, words: str, retry_after_s: float) -> None:
        """`words` name the target."""
        super().__init__(words)
        self.retry_after_s = retry_after_s


class Permanent(LeadgraphError):
    """Never retry: the same input will fail the same way."""


class Refused(Permanent):
    """The target understood and said no: a validation rule, a missing right, a record that is gone."""

    def __init__(self, words: str, code: str = "refused") -> None:
        """`code` is a stable word for counting, such as ``gone``, ``forbidden``, ``invalid``."""
        super().__init__(words)
        self.code = code


class OutcomeUnknown(LeadgraphError):
    """The write may or may not have happened: read back, never resend blindly."""


class Fenced(LeadgraphError):
    """The lead was claimed by somebody else, merged, or changed since the claim: redo from a fresh claim."""


class OutsideAccess(LeadgraphError):
    """A replay touched a port that must not be touched."""


class ConfigError(LeadgraphError):
    """A setting, policy table or data file is wrong: names the file, the place and the remedy."""


class Backpressure(LeadgraphError):
    """The inbox is full; come back after `retry_after_s` seconds. Nothing was taken."""

    def __init__(self, waiting: int, limit: int, retry_after_s: int) -> None:
        """`waiting` signals lie unprocessed; `limit` is the bound."""
        super().__init__(f"{waiting} signals wait, the limit is {limit}; retry in {retry_after_s} s")
        self.waiting, self.limit, self.retry_after_s = waiting, limit, retry_after_s
