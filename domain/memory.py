"""What is recalled for a run: earlier words of the same lead, and how similar past cases ended."""

from dataclasses import dataclass


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
