"""The same suites through ``langsmith.evaluate``: offline by default, uploaded only when asked and given a key.

What leaves is anonymised: ids are hashed with a salt that is forgotten at the end, refs of signals and free words stay
behind; codes and numbers go. Offline nothing leaves: no result is uploaded, and the client points at a closed port.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from io import StringIO
from math import log
from secrets import token_bytes
from typing import Any, Final
from uuid import UUID

from domain.errors import BadInput, Temporary
from evals.cases import Trace
from evals.entrants import MAIN
from evals.scorers import SCORERS, Mark, Scorer

CLOSED: Final = "http://127.0.0.1:9"
"""A port on which nobody listens."""
KEPT: Final = frozenset({
    "digest", "digest_again", "differing", "verdict", "rules", "points", "ledger", "probability", "rows", "features",
})  # fmt: skip
"""Parts of an answer that hold codes and numbers only."""
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What came of it: mean of each scorer, how many cases, and whether anything left this machine."""

    cases: int
    uploaded: bool
    means: Mapping[str, float]
    experiment: str

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "cases": self.cases, "uploaded": self.uploaded, "experiment": self.experiment,
            "means": {name: round(value, 6) for name, value in self.means.items()},
        }  # fmt: skip


def evaluate(
    traces: Sequence[Trace], *, upload: bool = False, key: str | None = None, name: str = ""
) -> Uploaded:
    """Score stored traces through LangSmith's runner.

    Raises: BadInput without traces, or for an upload without a key; Temporary if the service cannot be reached.
    """
    if not traces:
        raise BadInput("traces", "there are none", "run the suite first")
    if upload and not key:
        raise BadInput(
            "--upload", "needs a key", "set LANGSMITH_API_KEY, or leave it out: offline needs none"
        )
    from langsmith import Client
    from langsmith import evaluate as run
    from langsmith.utils import LangSmithError

    client = (
        Client(api_key=key)
        if upload
        else Client(api_key="offline", api_url=CLOSED, info={}, auto_batch_tracing=False)
    )
    suite = traces[0].case.suite
    shown, experiment = anonymous(traces), name or f"leadgraph-{suite}"
    try:
        with _quiet():
            data: Any = _dataset(client, experiment, shown) if upload else _examples(shown)
            results: Any = run(
                lambda inputs: shown[inputs["number"]]["answer"],
                data=data,
                evaluators=[_evaluator(n, scorer, traces) for n, scorer in scorers_of(suite).items()],
                experiment_prefix=experiment,
                client=client,
                upload_results=upload,
                max_concurrency=0,
            )
            means = _means(results)
    except (LangSmithError, OSError) as error:
        raise Temporary(f"LangSmith could not be reached ({type(error).__name__})") from error
    return Uploaded(len(traces), upload, means, experiment)


@contextmanager
def _quiet() -> Iterator[None]:
    """What the runner prints is not ours to show: its progress, and that its way of running offline is new."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.filterwarnings("ignore", message=".*upload_results.*")
        yield


def scorers_of(suite: str) -> Mapping[str, Scorer]:
    """The scorers of a behaviour suite; of one that judges probabilities, the error of each case."""
    return SCORERS.get(suite, {"squared_error": squared_error, "log_loss": log_loss})


def squared_error(trace: Trace) -> Mark | None:
    """(probability - outcome) squared."""
    p = trace.output.get("probability", {}).get(MAIN)
    return None if p is None else Mark((float(p) - float(trace.case.target == 1)) ** 2)


def log_loss(trace: Trace) -> Mark | None:
    """Negative log-likelihood of the outcome."""
    p = trace.output.get("probability", {}).get(MAIN)
    if p is None:
        return None
    said = float(p) if trace.case.target == 1 else 1 - float(p)
    return Mark(-log(max(said, 1e-9)))


def anonymous(traces: Sequence[Trace], *, salt: bytes | None = None) -> list[dict[str, Any]]:
    """What may leave of each trace; `salt` makes the same id the same word within one call only."""
    mark = _marker(salt or token_bytes(16))
    return [
        {
            "number": number,
            "case": mark(trace.case.id),
            "account": mark(trace.case.account) if trace.case.account else None,
            "suite": trace.case.suite,
            "target": trace.case.target if isinstance(trace.case.target, int) else None,
            "slices": {
                n: v for n, v in trace.case.slices.items() if n in ("segment", "region", "channel", "history")
            },
            "answer": {n: v for n, v in trace.output.items() if n in KEPT}
            | {"steps": [f"{step.step}:{step.code}" for step in trace.steps]},
        }
        for number, trace in enumerate(traces)
    ]


def _marker(salt: bytes) -> Callable[[str], str]:
    return lambda text: blake2b(text.encode(), key=salt, digest_size=8).hexdigest()


def _examples(shown: Sequence[Mapping[str, Any]]) -> list[Any]:
    from langsmith.schemas import Example

    return [
        Example(
            id=_uuid(one["number"]), created_at=_EPOCH, inputs=_inputs(one), outputs={"target": one["target"]},
            dataset_id=_uuid(0),
        )
        for one in shown
    ]  # fmt: skip


def _dataset(client: Any, name: str, shown: Sequence[Mapping[str, Any]]) -> str:
    """The cases as a new data set at LangSmith; gives its name."""
    called = f"{name}-{token_bytes(4).hex()}"
    made = client.create_dataset(called, description="Anonymised cases of a Leadgraph suite")
    client.create_examples(
        dataset_id=made.id,
        examples=[{"inputs": _inputs(one), "outputs": {"target": one["target"]}} for one in shown],
    )
    return called


def _inputs(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in ("number", "case", "account", "suite", "slices")}


def _uuid(number: int) -> UUID:
    return UUID(int=number + 1)


def _evaluator(name: str, scorer: Scorer, traces: Sequence[Trace]) -> Callable[..., dict[str, Any]]:
    def judge(inputs: dict[str, Any]) -> dict[str, Any]:
        mark = scorer(traces[int(inputs["number"])])
        return {"key": name, "score": None if mark is None else mark.value}

    judge.__name__ = name
    return judge


def _means(results: Any) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in results:
        for one in row["evaluation_results"]["results"]:
            if one.score is not None:
                found.setdefault(one.key, []).append(float(one.score))
    return {name: sum(values) / len(values) for name, values in sorted(found.items())}
