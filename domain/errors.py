"""Errors. The class says what to do next; nobody reads the text to decide."""

from collections.abc import Mapping


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

    def __init__(self, words: str, retry_after_s: float, *, code: str = "throttled") -> None:
        """`words` name the target; `code` says who asked: ``throttled`` the target, others our own guards.

        With the code ``record`` one record alone is to be left alone; all others can be asked.
        """
        super().__init__(words)
        self.retry_after_s, self.code = retry_after_s, code


class Unauthorized(Throttled):
    """The target does not accept our credentials any more. A person renews `setting`; until then nothing happened."""

    def __init__(self, words: str, setting: str, retry_after_s: float = 0) -> None:
        """`setting` is the name of the setting that holds them."""
        super().__init__(words, retry_after_s, code=f"credentials:{setting}")
        self.setting = setting


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


class NotEnough(LeadgraphError):
    """Too few cases to learn from, or to tell anything: says what there is and what is needed."""

    code = "not_enough"

    def __init__(self, *, have: Mapping[str, int], need: Mapping[str, int]) -> None:
        """Counts by name, such as ``leads`` and ``won``."""
        short = [f"{have.get(name, 0):,} {name}, needs {least:,}" for name, least in need.items()]
        super().__init__(f"not enough to learn from: {'; '.join(short)}")
        self.have, self.need = dict(have), dict(need)


class ConfigError(LeadgraphError):
    """A setting, policy table or data file is wrong: names the file, the place and the remedy."""


class Backpressure(LeadgraphError):
    """The inbox is full; come back after `retry_after_s` seconds. Nothing was taken."""

    def __init__(self, waiting: int, limit: int, retry_after_s: int) -> None:
        """`waiting` signals lie unprocessed; `limit` is the bound."""
        super().__init__(f"{waiting} signals wait, the limit is {limit}; retry in {retry_after_s} s")
        self.waiting, self.limit, self.retry_after_s = waiting, limit, retry_after_s
