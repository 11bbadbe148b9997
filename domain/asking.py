"""Asking a model within a run: one answer in its form or a flagged nothing, what it cost, and what is kept of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from domain.audit import AuditValue
from domain.policy import FiredRow
from domain.ports.model import Answer, Model, NoAnswer, Request

LOCAL: Final = "local"
"""Code of a step for which no model was asked."""
ASKED: Final = "asked"
Form = TypeVar("Form", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of a question, as it is sealed with the run: a replay asks nobody."""

    text: str
    """The answer's JSON; empty if there was none."""
    model: str = ""
    failed: str = ""
    """Code of a `NoAnswer`; empty if there was an answer."""
    again: bool = False
    """Whether it was worth redoing."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[Form]):
    """What came of asking, or of not asking (`rule` says why). `form` is None without an answer."""

    form: Form | None = None
    rule: str = ""
    prompt: str = ""
    answer: Answer | None = None
    failed: str = ""
    again: bool = False
    kept: Mapping[str, Kept] = field(default_factory=dict)
    attempts: int = 0
    """Requests that were made for no answer."""
    dropped: int = 0
    """Claims that did not hold against what was shown."""

    @property
    def code(self) -> str:
        """``local``, ``asked``, or ``degraded:model:<code>``."""
        if self.failed:
            return f"degraded:model:{self.failed}"
        return ASKED if self.answer is not None else LOCAL

    def detail(self) -> dict[str, AuditValue]:
        """For the audit row: what was asked, what it took. Codes and numbers only."""
        said: dict[str, AuditValue] = {"model_code": self.code, "model_rule": self.rule}
        if self.prompt:
            said["prompt"] = self.prompt
        if self.failed:
            said["attempts"] = self.attempts
        if self.answer is not None:
            said |= {
                "model": self.answer.model,
                "tokens_in": self.answer.tokens_in,
                "tokens_out": self.answer.tokens_out,
                "cost_micro": self.answer.cost_micro,
                "attempts": self.answer.attempts,
                "remembered": self.answer.remembered,
                "dropped": self.dropped,
            }
        return said


async def asked(model: Model, request: Request, form: type[Form], *, rule: FiredRow) -> Asked[Form]:
    """The answer to `request` in its form. Never raises for an outage: the result says so."""
    why, place = f"{rule.table}:{rule.rule}", place_of(request)
    nothing: Asked[Form] = Asked(rule=why, prompt=request.fingerprint)
    try:
        answer = await model.ask(request)
        found = form.model_validate_json(answer.text)
    except NoAnswer as none:
        kept = Kept("", failed=none.code, again=none.again)
        return replace(
            nothing, failed=none.code, again=none.again, kept={place: kept}, attempts=none.attempts
        )
    except ValidationError:
        kept = Kept("", failed="unusable")
        return replace(nothing, failed="unusable", kept={place: kept})
    return replace(nothing, form=found, answer=answer, kept={place: Kept(answer.text, answer.model)})


def place_of(request: Request) -> str:
    """Where its answer lies in the record of a run: by agent and content, so that another prompt finds it too."""
    return f"{request.agent}:{sha256(request.content.encode()).hexdigest()[:24]}"


class Patient:
    """A `Model` that keeps a run waiting for so long and no longer, whatever its own deadline is."""

    def __init__(self, model: Model, patience_s: float) -> None:
        """Ask `model`."""
        self._model, self._patience_s = model, patience_s

    @property
    def versions(self) -> Mapping[str, str]:
        """Those of the model."""
        return self._model.versions

    def key(self, request: Request) -> str:
        """That of the model."""
        return self._model.key(request)

    async def ask(self, request: Request) -> Answer:
        """The model's answer. Raises: NoAnswer."""
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._model.ask(request)
        except TimeoutError as error:
            raise NoAnswer("deadline", f"no answer within {self._patience_s} s", again=True) from error


class Recorded:
    """A `Model` that gives back what a run's record holds, and reaches nobody."""

    def __init__(self, kept: Mapping[str, Kept]) -> None:
        """`kept` by `place_of`."""
        self._kept = kept
        self.versions: Mapping[str, str] = {}

    def key(self, request: Request) -> str:
        """The place in the record."""
        return place_of(request)

    async def ask(self, request: Request) -> Answer:
        """The recorded answer. Raises: NoAnswer as recorded, and for a question that the run did not ask."""
        place = place_of(request)
        kept = self._kept.get(place)
        if kept is None:
            raise NoAnswer("unrecorded", "the run asked nothing like this", again=False)
        if kept.failed:
            raise NoAnswer(kept.failed, "the run got no answer", again=kept.again)
        return Answer(place, kept.text, kept.model, remembered=True)
