"""A language model behind an endpoint: remembered, in time, in budget, in its form, or not at all."""

import asyncio
import hmac
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Final

import orjson
import rfc8785

from domain.errors import LeadgraphError, Temporary
from domain.ports.model import Answer, Request
from tools.breaker import Breaker
from tools.llm.asking import Asking
from tools.llm.budget import Purse
from tools.llm.dialect import Dialect
from tools.llm.failing import CODES, Unanswered, Why, unanswered
from tools.llm.terms import AGENTS, Terms, Ties

_REMEMBERED: Final = ("text", "model")


class EndpointModel:
    """Satisfies `domain.ports.model.Model`."""

    def __init__(self, terms: Terms, secret: bytes, ties: Ties) -> None:
        """`secret` of this installation: keys of answers tell nobody what was asked."""
        self._terms, self._ties = terms, ties
        self._secret = hmac.digest(secret, b"model answers", "sha256")
        self._dialects: dict[str, Dialect] = {}
        """By model: what its endpoint was found to take. A new process finds out anew."""
        self.versions: Mapping[str, str] = {agent: terms.model_of(agent) for agent in AGENTS}

    @property
    def breaker(self) -> Breaker:
        """That of its endpoint."""
        return self._ties.gate.breaker

    def key(self, request: Request) -> str:
        """Keyed hash of all that the answer may depend on, but not of who asks within a tenant."""
        terms = self._terms
        parts = {
            "agent": request.agent,
            "prompt": _digest(request.prompt),
            "fingerprint": request.fingerprint,
            "content": _digest(request.content),
            "form": sha256(
                orjson.dumps(request.form.model_json_schema(), option=orjson.OPT_SORT_KEYS)
            ).hexdigest(),
            "tenant": request.tenant,
            "model": terms.model_of(request.agent),
            "url": terms.url,
            "seed": terms.seed,
            "max_tokens": terms.max_tokens,
        }
        return hmac.digest(self._secret, rfc8785.dumps(parts), "sha256").hex()

    async def ask(self, request: Request) -> Answer:
        """The answer, remembered or asked for. Raises: Unanswered (a NoAnswer)."""
        key, ties = self.key(request), self._ties
        try:
            kept = await ties.answers.get(request.tenant, request.lead, key)
        except Temporary as error:
            raise unanswered(error, 0) from error
        if kept is not None:
            return Answer(key, str(kept["text"]), str(kept["model"]), remembered=True)
        await ties.chat.ready(self._terms.model_of(request.agent))
        began = ties.clock.now()
        try:
            answer = await self._in_time(request, key)
        except Unanswered as error:
            said = {"code": error.code, "why": error.why, "attempts": error.attempts}
            ties.trace(request, key, began=began, ended=ties.clock.now(), said=said)
            raise
        said = {"tokens_in": answer.tokens_in, "tokens_out": answer.tokens_out, "attempts": answer.attempts}
        ties.trace(request, key, began=began, ended=ties.clock.now(), said=said)
        fields = {name: getattr(answer, name) for name in _REMEMBERED}
        # With the store away the answer is good all the same; it may have to be asked for again.
        with suppress(Temporary):
            await ties.answers.put(request.tenant, request.lead, key, fields, now=ties.clock.now())
        return answer

    async def _in_time(self, request: Request, key: str) -> Answer:
        """Raises: Unanswered."""
        ties = self._ties
        purse = Purse(
            request.tenant,
            request.lead,
            spending=ties.spending,
            budgets=self._terms.budgets,
            prices=self._terms.prices,
            now=ties.clock.now,
        )
        deadline = asyncio.timeout(self._terms.deadline_s)
        try:
            async with deadline:
                asking = Asking(
                    self._terms, ties, self._dialects, request, purse=purse, late=deadline.expired
                )
                return await asking.answer(key)
        except TimeoutError as error:
            why = Why.DEADLINE if purse.requests else Why.CROWDED
            code, again = CODES[why]
            raise Unanswered(why.value, code=code, again=again, attempts=purse.requests) from error
        except LeadgraphError as error:
            raise unanswered(error, purse.requests) from error


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
