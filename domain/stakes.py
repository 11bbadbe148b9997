"""Is it worth asking a language model? The facts that the ``model`` table reads: what is at stake, how sure we are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from domain.action import SILENT
from domain.band import Thresholds
from domain.decision import FeatureValue
from domain.intent import BUYING, Claim, Intent
from domain.intents import FLOOR
from domain.policy import Fact, Verdict
from domain.signal import MICRO, Signal

AGENTS: Final = ("intent", "scoring", "policy", "actuation")
COLUMNS: Final = frozenset(
    {
        "agent",
        "conflict",
        "deal_amount",
        "edge",
        "outward",
        "points",
        "read_confidence",
        "region",
        "stakes",
        "verdict",
        "worth_reading",
    }
)
"""What the table may read."""
_WORDS: Final = 4
"""Words from which a text says something that could be read differently."""
_AGAINST: Final = frozenset({Intent.CHURN, Intent.NOT_A_BUYER, Intent.SUPPORT, Intent.BILLING})
_AMOUNTS: Final = ("deal.amount", "fact.amount_requested")


def facts_for(
    agent: str,
    *,
    region: str,
    features: Mapping[str, FeatureValue],
    points: int,
    thresholds: Thresholds,
    texts: Sequence[Signal],
    claims: Iterable[Claim],
    likely: Mapping[str, int],
    verdict: Verdict | None = None,
) -> dict[str, Fact]:
    """The facts for `agent`: `texts` are the new ones, `claims` of the local reader, `likely` intents per mille."""
    amount = _amount(features)
    limits = (thresholds.enter_hot, thresholds.leave_hot, thresholds.enter_warm, thresholds.leave_warm)
    return {
        "agent": agent,
        "region": region,
        "worth_reading": bool(texts),
        "read_confidence": _least_sure(texts, claims),
        "points": points,
        "deal_amount": amount,
        "stakes": None if amount is None else points * amount // 100,
        "edge": min(abs(points - limit) for limit in limits),
        "conflict": _speaks(likely, BUYING) and _speaks(likely, _AGAINST),
        "verdict": verdict.kind.value if verdict else None,
        "outward": verdict is None or any(action.kind not in SILENT for action in verdict.actions),
    }


def worth_reading(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """Those in which the lead itself wrote enough words to be read."""
    return tuple(one for one in signals if one.own_words and len((one.text or "").split()) >= _WORDS)


def _amount(features: Mapping[str, FeatureValue]) -> int | None:
    """Whole units."""
    found = [value // MICRO for name in _AMOUNTS if isinstance(value := features.get(name), int) and value]
    return found[0] if found else None


def _least_sure(texts: Sequence[Signal], claims: Iterable[Claim]) -> int | None:
    if not texts:
        return None
    best: dict[str, int] = {}
    for claim in claims:
        best[claim.ref] = max(claim.confidence, best.get(claim.ref, 0))
    return min(best.get(text.signal_id, 0) for text in texts)


def _speaks(likely: Mapping[str, int], intents: frozenset[Intent]) -> bool:
    return any(likely.get(intent.value, 0) >= FLOOR for intent in intents)
