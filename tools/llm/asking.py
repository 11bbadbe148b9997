"""One question on its way: tries, output modes, one repair; each request within the gate and the budget."""

from collections.abc import Callable
from dataclasses import replace

from domain.errors import Temporary
from domain.ports.model import Answer, Request
from tools.llm.budget import Purse, Reserved
from tools.llm.chat import Question
from tools.llm.dialect import Dialect, wire_bytes
from tools.llm.failing import BadAnswer, Lost, Rejected, Why
from tools.llm.parsing import Unfit, read
from tools.llm.terms import Terms, Ties
from tools.llm.wire import Completion
from tools.retry import retrying

REPAIRABLE = frozenset({Why.NULL, Why.EMPTY})
"""Answers that are worth one more request; a truncated one would be cut off again."""
REPAIR = "Your last answer was not accepted. At {place}: {code}. Give the whole answer again, in its form."
"""Tells the place and the rule only: neither the answer's words nor the customer's come in as instructions."""


class Asking:
    """Made for one question, and for one call of `answer`."""

    def __init__(
        self,
        terms: Terms,
        ties: Ties,
        dialects: dict[str, Dialect],
        request: Request,
        *,
        purse: Purse,
        late: Callable[[], bool],
    ) -> None:
        """`dialects` by model, shared; `late` says whether our own deadline has passed."""
        self._terms, self._ties, self._dialects = terms, ties, dialects
        self._purse, self._late = purse, late
        self._question = Question(
            model=terms.model_of(request.agent),
            instructions=request.prompt,
            content=request.content,
            form=request.form,
            max_tokens=terms.max_tokens,
            seed=terms.seed,
        )

    async def answer(self, key: str) -> Answer:
        """The answer in its form. Raises: BadAnswer, Rejected, OverBudget, Crowded, Temporary."""
        try:
            text, model = await self._tried(self._question)
        except Unfit as error:
            note = REPAIR.format(place=error.place, code=error.code)
            again = replace(self._question, instructions=f"{self._question.instructions}\n\n{note}")
            try:
                text, model = await self._tried(again)
            except Unfit as still:
                raise BadAnswer(Why.UNFIT) from still
        purse = self._purse
        return Answer(
            key=key,
            text=text,
            model=model or self._question.model,
            tokens_in=purse.tokens_in,
            tokens_out=purse.tokens_out,
            cost_micro=purse.used.micro,
            attempts=purse.requests,
        )

    async def _tried(self, question: Question) -> tuple[str, str]:
        """(text in its form, name of the model that answered). Raises: Unfit, and what `answer` raises."""
        policy = replace(self._terms.retries, total_s=self._terms.deadline_s)
        try:
            retried = retrying(policy, sleep=self._ties.sleep)
            found: Completion = await retried(self._understood, question)
        except BadAnswer as error:
            if error.why in REPAIRABLE and question is self._question:
                raise Unfit("the whole", error.why.value) from error
            raise
        return read(found.text, question.form), found.model

    async def _understood(self, question: Question) -> Completion:
        """Ask in the best dialect that the endpoint takes; what it took is kept. Raises: Rejected, if none."""
        dialect = self._dialects.get(question.model, Dialect())
        while True:
            try:
                found = await self._once(question, dialect)
            except Rejected as error:
                less = dialect.without(error.complaint)
                if less is None:
                    raise
                dialect = less
            else:
                self._dialects[question.model] = dialect
                return found

    async def _once(self, question: Question, dialect: Dialect) -> Completion:
        ties = self._ties
        async with ties.gate.place():
            size = wire_bytes(question.instructions, question.content, question.form)
            taken = await self._purse.reserve(question.model, size, question.max_tokens)
            async with ties.gate.watched(self._late):
                try:
                    found = await ties.chat.send(question, dialect)
                except (BadAnswer, Rejected, Temporary) as error:
                    await self._settle_failed(taken, error)
                    raise
            tokens_in, tokens_out = found.tokens_in, found.tokens_out
            if tokens_in is None or tokens_out is None:
                tokens_in, tokens_out = taken.tokens_in, len(found.text.encode())
            await self._purse.settle(taken, tokens_in, tokens_out)
            return found

    async def _settle_failed(self, taken: Reserved, error: BadAnswer | Rejected | Temporary) -> None:
        """A request that was turned away costs no tokens; one whose fate is unknown keeps its upper bound."""
        if isinstance(error, Lost):
            return
        if not isinstance(error, BadAnswer):
            await self._purse.settle(taken, 0, 0)
        elif error.tokens_in is not None and error.tokens_out is not None:
            await self._purse.settle(taken, error.tokens_in, error.tokens_out)
