"""Asking a language model, and remembering what it said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from domain.errors import Temporary
from domain.ids import LeadId, TenantId


@dataclass(frozen=True, slots=True)
class Request:
    """One question. Equal requests have equal keys: nothing random and no clock goes into it."""

    agent: str
    """``intent``, ``scoring``, ``policy`` or ``actuation``: chooses the model and its limits."""
    prompt: str
    """The instructions: a file of `prompts/`."""
    fingerprint: str
    """Of that file."""
    content: str
    """What is to be read; text of customers is marked off in it, and never an instruction."""
    form: type[BaseModel]
    """The closed form of the answer."""
    tenant: TenantId
    lead: LeadId
    """Whose budget is charged, and with whose key the answer is sealed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question. `text` is the answer's JSON as it passed its form; costs are 0 if it was remembered."""

    key: str
    text: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    cost_micro: int = 0
    """Millionths of the price table's currency."""
    attempts: int = 0
    remembered: bool = False


class NoAnswer(Temporary):
    """A model gave nothing that can be used; the caller goes on without it, and says so.

    `code` is ``down``, ``deadline``, ``busy``, ``budget``, ``unusable`` or ``refused``; `again` is True if the result
    is worth redoing when the endpoint is back.
    """

    attempts: int = 0
    """Requests that were made, where the model counts them."""

    def __init__(self, code: str, words: str, *, again: bool) -> None:
        """See the class."""
        super().__init__(words)
        self.code, self.again = code, again


class Model(Protocol):
    """A language model behind an endpoint, or nobody at all."""

    def key(self, request: Request) -> str:
        """Keyed hash of everything that the answer may depend on: prompt, content, form, model, settings."""
        ...

    async def ask(self, request: Request) -> Answer:
        """The answer, remembered or asked for, in time and in budget. Raises: NoAnswer, nothing else."""
        ...

    @property
    def versions(self) -> Mapping[str, str]:
        """Agent -> name of its model, for the record of a run."""
        ...


class Answers(Protocol):
    """Answers by their key, sealed with the lead's own key: a run that is redone asks nobody twice."""

    async def get(self, tenant: TenantId, lead: LeadId, key: str) -> Mapping[str, Any] | None:
        """The remembered fields of an `Answer`; None if there are none, or they were erased. Raises: Temporary."""
        ...

    async def put(
        self, tenant: TenantId, lead: LeadId, key: str, answer: Mapping[str, Any], *, now: int
    ) -> None:
        """Remember, durably; the first one wins. Raises: Temporary."""
        ...
