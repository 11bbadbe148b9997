"""Telling LangSmith of a sample of questions: what kind, how long, how many tokens. Never a text, never a lead."""

from collections.abc import Mapping
from contextlib import suppress
from queue import Full, Queue
from threading import Thread
from typing import Any, Final, Protocol

from pydantic import SecretStr

from domain.instants import Instant, moment
from domain.ports.model import Request

PROJECT: Final = "leadgraph"
WAIT_MS: Final = (1_000, 2_000)
"""For a connection to LangSmith, and for its answer."""
QUEUE: Final = 100
"""Questions that may wait to be told of; more are dropped."""
_DRAW: Final = 8
"""Hex digits of a key by which a question is drawn."""


class Trace(Protocol):
    """Hears of each question that was asked."""

    def __call__(
        self, request: Request, key: str, *, began: int, ended: int, said: Mapping[str, object]
    ) -> None:
        """`said` holds codes and numbers."""
        ...


def no_trace(request: Request, key: str, *, began: int, ended: int, said: Mapping[str, object]) -> None:
    """Tells nobody."""


class LangSmithTrace:
    """A `Trace`. The same question is always in the sample or never.

    It is told by a thread of its own, once: what LangSmith does not take, and what waits at the end, is dropped.
    """

    def __init__(self, url: str, key: SecretStr | None, *, sample: float) -> None:
        """`sample` is the share of questions, 0..1."""
        from langsmith import Client
        from urllib3.util import Retry

        api_key = key.get_secret_value() if key is not None else None
        self._sample = sample
        self._client = Client(
            api_url=url,
            api_key=api_key,
            timeout_ms=WAIT_MS,
            retry_config=Retry(0),
            auto_batch_tracing=False,
        )
        self._waiting: Queue[dict[str, Any]] = Queue(QUEUE)
        Thread(target=self._tell, name="langsmith", daemon=True).start()

    def __call__(
        self, request: Request, key: str, *, began: int, ended: int, said: Mapping[str, object]
    ) -> None:
        """Leave it for the thread."""
        if int(key[:_DRAW], 16) >= self._sample * 16**_DRAW:
            return
        with suppress(Full):
            self._waiting.put_nowait(
                {
                    "name": request.agent,
                    "run_type": "llm",
                    "inputs": {"prompt": request.fingerprint, "signs": len(request.content)},
                    "outputs": dict(said),
                    "project_name": PROJECT,
                    "start_time": moment(Instant(began)),
                    "end_time": moment(Instant(ended)),
                }
            )

    def settled(self) -> None:
        """Return when nothing waits any more."""
        self._waiting.join()

    def _tell(self) -> None:
        from langsmith.utils import LangSmithError

        while True:
            run = self._waiting.get()
            with suppress(LangSmithError, OSError, ValueError):
                self._client.create_run(**run)
            self._waiting.task_done()
