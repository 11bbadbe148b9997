"""What policy and actuation may know of a run: everything but words.

A `RunInput` has these parts and more. Whoever takes an `Untold` cannot reach the texts of its signals: the type
checker refuses, and a test walks these types down to the last field.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.ids import RunId, SignalId
from domain.kinds import Kind
from domain.lead import LeadState
from domain.override import Override
from domain.policy import Rep
from domain.quality import GateFailure
from domain.signal import Consent


class Sign(Protocol):
    """That something happened, of a kind and at a time; never what was written."""

    @property
    def signal_id(self) -> SignalId:
        """Of the signal, as claims name it."""
        ...

    @property
    def kind(self) -> Kind:
        """Of the contract."""
        ...

    @property
    def occurred_at(self) -> datetime:
        """The source's time."""
        ...

    @property
    def consent(self) -> Consent:
        """As stated with it."""
        ...

    @property
    def talks(self) -> bool:
        """Whether with it the lead itself turned to support."""
        ...

    @property
    def wrote(self) -> bool:
        """Whether the lead itself wrote something in words."""
        ...


class Untold(Protocol):
    """A run's input without words."""

    @property
    def run_id(self) -> RunId:
        """Of the run."""
        ...

    @property
    def as_of(self) -> int:
        """Instant of the run."""
        ...

    @property
    def lead(self) -> LeadState:
        """With its events in compact form."""
        ...

    @property
    def new(self) -> Sequence[Sign]:
        """What is new."""
        ...

    @property
    def reps(self) -> tuple[Rep, ...]:
        """Who has room."""
        ...

    @property
    def overrides(self) -> tuple[Override, ...]:
        """What people have fixed."""
        ...

    @property
    def quality(self) -> tuple[GateFailure, ...]:
        """Gates that fail."""
        ...
