"""One decision's story, out of its audit rows and its sealed record: what happened, in words and in order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.asking import ASKED, LOCAL
from domain.decision import Decision
from domain.errors import BadInput
from domain.ids import LeadId
from domain.instants import Instant, iso
from domain.ports.home import Home
from domain.ports.reads import Row
from domain.score import MICRO_POINT, Score
from graph.record import Record, unpack
from surfaces.sealed import Seal, opened
from surfaces.talk_story import TALK, TalkTurn, facts_document, mood_document, turns_of

OUTCOMES: Mapping[str, str] = {
    "ok": "done",
    "suppressed": "stopped: the lead must not be processed",
    "verdict:act": "decided to act",
    "verdict:ask": "decided that a person must approve",
    "verdict:hold": "decided to wait",
    "verdict:nothing": "decided that nothing is to be done",
    "proposed": "proposed",
    "route:act": "ended: actions are on their way",
    "route:ask": "ended: waiting for a person",
    "route:hold": "ended: to be looked at again",
    "route:nothing": "ended: nothing to do",
    "route:stop": "ended early: the lead must not be processed",
    "handoff": "decided to hand over to sales",
    "ask_person": "decided that a person takes over",
    "stay": "decided that the talk stays",
    "error:deadline": "gave up: it took too long; the lead is tried again",
    "error:temporary": "failed for now: something outside was down; the lead is tried again",
    "error:fenced": "given up: somebody else had taken the lead; it is redone",
    "error:permanent": "failed for good",
}
PREFIXES: Mapping[str, str] = {
    "degraded": "answered without {}; to be redone",
    "error:bug": "failed by a defect ({})",
    "error": "failed ({})",
}


@dataclass(frozen=True, slots=True)
class Transition:
    """One audit row as a person reads it. `at` is an Instant."""

    at: int
    step: str
    code: str
    outcome: str
    """The code and its figures in words."""
    duration_us: int
    evidence: tuple[str, ...]
    place: str
    """Tenant, writer and number of the row: where to find it in an export."""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is on record about one run."""

    run_id: str
    lead_id: str | None
    regions: frozenset[str]
    """Where its rows lie: one, but of a talk whose lead was only known later."""
    transitions: tuple[Transition, ...]
    versions: Mapping[str, str]
    seal: Seal
    record: Record | None
    talk: tuple[TalkTurn, ...] = ()
    """Of a talk with a support desk its decisions, oldest first; else none."""

    def document(self) -> dict[str, object]:
        """The JSON form; without a readable record the decision is null."""
        return {
            "run": self.run_id,
            "lead": self.lead_id,
            "versions": dict(self.versions),
            "seal": self.seal,
            "transitions": [_transition(one) for one in self.transitions],
            "rationale": list(self.record.rationale) if self.record else [],
            "decision": _decision(self.record.decision) if self.record else None,
            "talk": [turn.document() for turn in self.talk],
        }


async def tell(home: Home, what: str) -> Story | None:
    """The story of a run, decision or talk (``ho_…``) by its id, or of a lead's newest decision by its id or any key.

    None if nothing is on record.
    """
    run_id = await _run_of(home, what)
    rows = await home.reads.audit_rows(home.tenant, run_id=run_id) if run_id else ()
    if not rows or run_id is None:
        return None
    talk = await turns_of(home, rows) if run_id.startswith(TALK) else ()
    seal, record = (_seal_of(talk), None) if talk else await _record(home, rows)
    return Story(
        run_id=run_id,
        lead_id=next((str(row["lead_id"]) for row in rows if row["lead_id"]), None),
        regions=frozenset(str(row["region"]) for row in rows),
        transitions=tuple(_told(row) for row in rows),
        versions=next((_texts(row["versions"]) for row in reversed(rows) if row["versions"]), {}),
        seal=seal,
        record=record,
        talk=talk,
    )


def _seal_of(talk: Sequence[TalkTurn]) -> Seal:
    """What became of the newest record of a talk."""
    return talk[-1].seal


def in_words(step: str, code: str, detail: Mapping[str, Any]) -> str:
    """What a row says, as a sentence.

    >>> in_words("intent", "ok", {"top": "pricing", "confidence": 820, "claims": 2, "reasoner": "local"})
    'done: pricing at 82 %, from 2 claims (reasoner local)'
    """
    outcome = OUTCOMES.get(code) or _prefixed(code)
    try:
        figures = FIGURES[step](detail) if step in FIGURES else _figures(detail)
    except (KeyError, TypeError):
        figures = _figures(detail)
    figures += _model(detail) if step in FIGURES else ""
    if not figures:
        return outcome
    return f"{outcome} ({figures})" if ":" in outcome else f"{outcome}: {figures}"


def _model(detail: Mapping[str, Any]) -> str:
    """What a language model was asked in a step, and what it took; nothing where it was not asked."""
    code = str(detail.get("model_code", LOCAL))
    if code != ASKED:
        return "" if code == LOCAL else f"; no answer from the model ({code.rpartition(':')[2]})"
    cost = "remembered" if detail["remembered"] else f"{detail['tokens_in']}+{detail['tokens_out']} tokens"
    dropped = f", {detail['dropped']} claims dropped" if detail["dropped"] else ""
    return f"; asked {detail['model']} ({cost}, prompt {detail['prompt']}){dropped}"


async def _run_of(home: Home, what: str) -> str | None:
    if what.startswith(TALK):
        return what.rpartition("_")[0] if what.count("_") > 1 else what
    if what.startswith("rn_"):
        return what
    if what.startswith("dc_"):
        return f"rn_{what.removeprefix('dc_')}"
    lead = await lead_named(home, what)
    stored = await home.reads.latest_decision(home.tenant, lead) if lead else None
    return stored.run_id if stored else None


async def lead_named(home: Home, what: str) -> LeadId | None:
    """The lead with this id or key, an e-mail address in clear included; None if there is none."""
    key = what
    if "@" in what:
        try:
            key = home.hasher.email(what)[0]
        except BadInput:
            return None
    return await home.reads.find_lead(home.tenant, key, region=home.within)


async def _record(home: Home, rows: Sequence[Row]) -> tuple[Seal, Record | None]:
    commitment = next((row["commitment"] for row in reversed(rows) if row["commitment"]), None)
    return await opened(home, commitment, unpack)


def _told(row: Row) -> Transition:
    step, code = str(row["step"]), str(row["code"])
    detail, evidence = row["detail"], row["evidence"]
    return Transition(
        at=int(str(row["at"])),
        step=step,
        code=code,
        outcome=in_words(step, code, detail if isinstance(detail, Mapping) else {}),
        duration_us=int(str(row["duration_us"])),
        evidence=tuple(map(str, evidence)) if isinstance(evidence, Sequence) else (),
        place=f"{row['tenant']}/{row['writer']}/{row['seq']}",
    )


def _prefixed(code: str) -> str:
    for prefix, words in PREFIXES.items():
        if code.startswith(f"{prefix}:"):
            return words.format(code.removeprefix(f"{prefix}:").replace("_", " "))
    return code.replace("_", " ")


def _ingestion(detail: Mapping[str, Any]) -> str:
    words = [f"{detail['new']} new signals", f"{detail['events']} events known"]
    if detail["superseded"]:
        words.append(f"{detail['superseded']} without influence")
    words.append(f"lawful by {str(detail['lawful']).replace('_', ' ')}")
    return ", ".join([*words, *(flag.replace("_", " ") for flag in detail["flags"])])


_FELT = (("sentiment", "neutral"), ("urgency", "normal"))


def _intent(detail: Mapping[str, Any]) -> str:
    sure = f"{detail['top']} at {detail['confidence'] / 10:.0f} %"
    felt = [detail[name] for name, usual in _FELT if detail.get(name, usual) != usual]
    mood = "".join(f", {name}" for name in felt)
    return f"{sure}, from {detail['claims']} claims{mood} (reasoner {detail['reasoner']})"


def _scoring(detail: Mapping[str, Any]) -> str:
    words = (
        f"{detail['points']} of 100, fit {detail['fit']}, engagement {detail['engagement']}, {detail['band']}"
    )
    return words + (", cold start" if detail["cold_start"] else "")


def _policy(detail: Mapping[str, Any]) -> str:
    actions = ", ".join(str(action).replace("_", " ") for action in detail["actions"]) or "no action"
    due = detail["due_reason"]
    return actions + (f"; looks again when due ({str(due).replace('_', ' ')})" if due else "")


def _actuation(detail: Mapping[str, Any]) -> str:
    return f"{detail['proposed']} actions"


def _run(detail: Mapping[str, Any]) -> str:
    words = f"attempt {detail['attempt']}, woken by {detail['reason']}".replace("_", " ")
    flags = ", ".join(detail.get("flags", ())).replace("_", " ")
    return words + (f", {flags}" if flags else "")


def _figures(detail: Mapping[str, Any]) -> str:
    shown = []
    for name, value in detail.items():
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        if value not in (None, "", [], ()):
            shown.append(f"{name.replace('_', ' ')} {text}")
    return ", ".join(shown)


def _handoff(detail: Mapping[str, Any]) -> str:
    words = f"{detail['why']}, buying interest {detail['probability'] / 10:.0f} %".replace("_", " ")
    where = f", to {detail['team']} ({detail['path']})" if detail["team"] else ""
    return words + where + (f", rule {detail['rule']}" if detail["rule"] else "")


FIGURES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "ingestion": _ingestion,
    "intent": _intent,
    "scoring": _scoring,
    "policy": _policy,
    "actuation": _actuation,
    "run": _run,
    "handoff": _handoff,
}
"""How the figures of a step read; any other step shows them by name."""


def _texts(value: object) -> Mapping[str, str]:
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, Mapping) else {}


def _transition(one: Transition) -> dict[str, object]:
    return {
        "at": iso(Instant(one.at)),
        "step": one.step,
        "code": one.code,
        "outcome": one.outcome,
        "duration_us": one.duration_us,
        "evidence": list(one.evidence),
        "place": one.place,
    }


def _decision(decision: Decision) -> dict[str, object]:
    verdict, reading = decision.verdict, decision.reading
    return {
        "id": decision.decision_id,
        "state": decision.state.value,
        "reason": decision.reason,
        "as_of": iso(Instant(decision.as_of)),
        "band": decision.band.band.value,
        "flags": list(decision.flags),
        "score": _score(decision.score) if decision.score else None,
        "intents": [[intent.value, level] for intent, level in reading.confidences] if reading else [],
        "facts": facts_document(reading.slots) if reading else [],
        "mood": mood_document(reading.mood) if reading else None,
        "rules": [{"rule": f"{r.table}/{r.rule}", "why": r.why} for r in verdict.rules] if verdict else [],
        "reasoner": reading.reasoner if reading else None,
        "verdict": verdict.kind.value if verdict else None,
        "next_step": verdict.next_step if verdict else None,
        "actions": [proposal.kind.value for proposal in decision.proposals],
    }


def _score(score: Score) -> dict[str, object]:
    return {
        "points": score.points,
        "unit": score.unit,
        "fit": score.fit,
        "engagement": score.engagement,
        "ledger": [
            {
                "part": part.name,
                "points": part.micro / MICRO_POINT,
                "micro": part.micro,
                "why": part.words,
                "signals": list(part.signals),
                "signal_count": part.signal_count,
            }
            for part in score.ledger
        ],
    }
