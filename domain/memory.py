"""What is recalled for a run: earlier words of the same lead, and how similar past cases ended."""

from dataclasses import dataclass
from typing import Final

from domain.ids import AccountId, LeadId, Region, TenantId
from domain.signal import Signal

_PASSING: Final = frozenset({"memory_down", "memory_slow"})
"""What may be over by itself."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """An earlier signal of the same lead that is about what was said now. `likeness` per mille, 0..1000."""

    ref: str
    likeness: int


@dataclass(frozen=True, slots=True)
class Analogues:
    """Similar leads of the past whose outcome was known before now: counts and classes only, never their words."""

    cases: int
    won: int
    intents: tuple[tuple[str, int], ...] = ()
    """(intent of those cases, how many of them had it), most frequent first."""


@dataclass(frozen=True, slots=True)
class Recall:
    """Recalled by value into a run's input, so that a replay needs no memory."""

    refs: tuple[Recalled, ...] = ()
    """Most alike first."""
    analogues: Analogues | None = None
    """None: too few cases to say anything, or memory was not asked."""
    degraded: str | None = None
    """Code of what was missing, such as ``memory_down``."""
    dropped: int = 0
    """Answers that were thrown away, as they were not of this lead or no vectors."""

    @property
    def again(self) -> bool:
        """Whether to ask once more, later, may bring what was missing."""
        return self.degraded in _PASSING


@dataclass(frozen=True, slots=True)
class Case:
    """A text of another lead, said before an outcome that is known by now."""

    ref: str
    lead_id: LeadId
    account: AccountId | None
    won: bool
    intent: str
    """The strongest intent read in it; empty if there was none."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What brings memory in step with the store for some leads of one tenant and region."""

    tenant: TenantId
    region: Region
    leads: tuple[tuple[LeadId, int], ...]
    """Each with its mark; a lead that is marked anew meanwhile stays due."""
    keep: tuple[Signal, ...] = ()
    outcomes: tuple[tuple[str, bool, int], ...] = ()
    """(ref, won, Instant from which that was known) of texts that have become cases."""
    drop: tuple[str, ...] = ()
    whole: bool = True
    """False: these leads have more to keep than one turn takes."""
