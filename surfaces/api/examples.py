"""Examples of answers in the description of the API, by operation. A test holds them against the schemas."""

from collections.abc import Mapping
from typing import Any, Final

_LEAD: Final = "ld_3f2a9c0b7d1e4a5f6b70"
_DECISION: Final = "dc_9b1f0a2c3d4e5f607182"
_APPROVAL: Final = "ap_1d2c3b4a5f6e7d8c9b0a"
_HASH: Final = "9f" * 32
_AT: Final = "2026-03-10T15:00:02.120Z"

_LINE: Final[Mapping[str, Any]] = {
    "lead": _LEAD,
    "account": "acme.example",
    "region": "eu",
    "band": "hot",
    "points": 82,
    "unit": "points",
    "fit": 40,
    "engagement": 42,
    "intent": "pricing",
    "verdict": "ask",
    "next_step": "Call today: asked for a quote",
    "owner": "rep_000001",
    "reasoner": "local",
    "degraded": [],
    "decided_at": _AT,
    "decision_id": _DECISION,
    "suppressed": False,
}
_QUESTION: Final[Mapping[str, Any]] = {
    "approval": _APPROVAL,
    "lead": _LEAD,
    "decision": _DECISION,
    "state": "open",
    "proposal_hash": _HASH,
    "people": 1,
    "approved_by": 0,
    "asked_at": _AT,
    "expires_at": "2026-03-12T15:00:02.120Z",
    "assignee": None,
    "reason": "",
    "edited_by": None,
    "edited_at": None,
    "edited_from": None,
}

PROBLEMS: Final[Mapping[int, Mapping[str, Any]]] = {
    400: {
        "code": "duplicate_key",
        "detail": "holds the same key twice",
        "field": "body",
        "remedy": "send each once",
    },
    401: {
        "code": "key",
        "detail": "does not name a key of this server",
        "field": "authorization",
        "remedy": "send Bearer and the key",
    },
    403: {
        "code": "scope",
        "detail": "lacks the scope read",
        "field": "authorization",
        "remedy": "use a key with read",
    },
    404: {
        "code": "unknown",
        "detail": "is not known here",
        "field": "lead",
        "remedy": "give its id, or a key such as crm_id:17",
    },
    405: {
        "code": "method_not_allowed",
        "detail": "Method Not Allowed",
        "field": "path",
        "remedy": "use one of the methods that Allow names",
    },
    408: {
        "code": "too_slow",
        "detail": "arrived too slowly",
        "field": "body",
        "remedy": "send it within 10 s",
    },
    409: {
        "code": "changed",
        "detail": "is not that of the open question",
        "field": "proposal_hash",
        "remedy": "look at the question again",
    },
    413: {
        "code": "too_large",
        "detail": "is too large",
        "field": "body",
        "remedy": "at most 4,096 KB are taken",
    },
    415: {
        "code": "unsupported",
        "detail": "is not JSON",
        "field": "content-type",
        "remedy": "send application/json",
    },
    422: {
        "code": "too_deep",
        "detail": "is nested too deep",
        "field": "body",
        "remedy": "send at most 8 levels",
    },
    429: {
        "code": "key_rate",
        "detail": "this key asks too often",
        "field": "authorization",
        "remedy": "come back in 1 s",
    },
    500: {
        "code": "internal",
        "detail": "a defect of ours",
        "remedy": "tell the operator the X-Request-Id: the log says more",
    },
    503: {"code": "unavailable", "detail": "cannot be answered now; try again"},
}
"""By status. Where an operation has its own, that stands in `OWN_PROBLEMS`."""
PARAMETERS: Final[Mapping[str, Any]] = {
    "lead": "crm_id:17",
    "decision": _DECISION,
    "approval": _APPROVAL,
    "type": "lead.scored",
    "source": "hubspot",
    "token": "token-that-we-issued-1",
    "band": "hot",
    "changed_since": "2026-03-10",
    "before": _AT,
}
"""By the name of a parameter."""
_UNPROVEN: Final[Mapping[str, Any]] = {
    "code": "unproven",
    "detail": "the request does not show that it comes from this source",
}
_NOT_SET_UP: Final[Mapping[str, Any]] = {
    "code": "not_set_up",
    "detail": "this source is not set up here",
    "remedy": "set LEADGRAPH_WEBHOOK_HUBSPOT_SECRETS",
}
OWN_PROBLEMS: Final[Mapping[tuple[str, int], Mapping[str, Any]]] = {
    **{
        (name, status): problem
        for name in ("post_webhooks_source", "post_webhooks_source_token", "post_slack_interactions")
        for status, problem in ((401, _UNPROVEN), (503, _NOT_SET_UP))
    },
    ("get_readyz", 503): {
        "code": "not_ready",
        "detail": "missing: database",
        "missing": [{"name": "database", "code": "temporary"}],
        "degraded": [],
        "remedy": "see leadgraph doctor on the machine of the server",
    },
}

_KEPT: Final[Mapping[str, Any]] = {
    "accepted": 2,
    "duplicates": 1,
    "quarantined": [],
    "ignored": {"echo": 1, "unlisted": 3},
    "thin": 1,
}

EXAMPLES: Final[Mapping[str, Any]] = {
    "post_webhooks_source": _KEPT,
    "post_webhooks_source_token": _KEPT,
    "post_slack_interactions": {},
    "get_healthz": {"status": "ok"},
    "get_readyz": {"status": "degraded", "degraded": [{"name": "model", "code": "open"}]},
    "post_signals": {
        "accepted": 1,
        "duplicates": 0,
        "quarantined": [{"index": 1, "reason": "kind: is not known; see docs/signals.md"}],
    },
    "post_handoff": {
        "decision": "handoff",
        "probability": 0.97,
        "intent": "purchase",
        "route": {"team": "sales", "owner": "rep_000001"},
        "brief": "Buying interest 97 %. Known: seats 50.",
        "evidence": [{"message_id": "m1", "quote": "We would like to buy 50 seats"}],
        "reasoner": "local",
        "run_id": "ho_1f2e3d4c5b6a79880011",
    },
    "get_leads": {"leads": [_LINE], "next": _LEAD},
    "get_leads_lead": {
        **_LINE,
        "keys": ["crm_id:17"],
        "fixed": [],
        "decision": None,
        "versions": {"features": "5f1c0b"},
        "actions": [],
        "approvals": [],
    },
    "get_leads_lead_timeline": {
        "events": [
            {"at": _AT, "what": "decision", "id": _DECISION, "state": "final", "reason": None},
        ],
        "next": None,
    },
    "get_decisions_decision": {
        "run": "rn_1f2e3d4c5b6a79880011",
        "lead": _LEAD,
        "versions": {"policy": "0d9e4c"},
        "seal": "open",
        "transitions": [{"step": "ingestion", "code": "ok"}],
        "rationale": ["pricing asked for twice this week"],
        "decision": None,
        "actions": [],
        "approvals": [_APPROVAL],
    },
    "get_decisions_decision_audit": {
        "run": "rn_1f2e3d4c5b6a79880011",
        "sound": True,
        "rows": [
            {"writer": "w1", "seq": 41, "prev": "0b" * 32, "hash": _HASH, "sound": True, "body": "{}"},
        ],
    },
    "get_approvals": {"approvals": [_QUESTION], "next": None},
    "get_approvals_approval": {
        **_QUESTION,
        "actions": [],
        "reasons": ["over the limit of a day"],
        "evidence": ["web:evt-1"],
        "changed": [],
        "drafts": [],
    },
    "post_approvals_approval": {**_QUESTION, "state": "approved", "approved_by": 1},
    "get_events": {"events": [], "next": 0, "more": False},
    "get_events_schemas_type": {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
}
