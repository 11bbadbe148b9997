"""What must belong together in a store: for each relation a query that finds the rows which break it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from domain.action import ActionKind, ActionState
from domain.approval import ApprovalState


def _unknown(query: str, names: type[StrEnum]) -> str:
    return f"{query} NOT IN ({', '.join(repr(name.value) for name in names)})"


RELATIONS: Final[Mapping[str, str]] = {
    "decisions have their rows in the audit log": """
        SELECT decision_id FROM decision d WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.run_id = d.run_id)
    """,
    "decisions have their sealed record, unless their lead was erased": """
        SELECT decision_id FROM decision d
         WHERE NOT EXISTS (SELECT 1 FROM sealed s WHERE s.commitment = d.commitment)
           AND NOT EXISTS (SELECT 1 FROM lead l WHERE l.lead_id = d.lead_id AND l.suppressed = 1)
    """,
    "actions have their decision": """
        SELECT action_id FROM outbox o
         WHERE NOT EXISTS (SELECT 1 FROM decision d WHERE d.decision_id = o.decision_id)
           AND NOT EXISTS
               (SELECT 1 FROM talk_decision t WHERE t.decision_id = o.decision_id AND t.tenant = o.tenant)
    """,
    "decisions have the actions that they proposed": """
        SELECT decision_id || ' ' || action_id FROM decision_action a
         WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.action_id = a.action_id)
    """,
    "actions are of a kind that exists": _unknown("SELECT action_id FROM outbox WHERE kind", ActionKind),
    "actions are in a state that exists": _unknown("SELECT action_id FROM outbox WHERE state", ActionState),
    "questions are in a state that exists": _unknown(
        "SELECT approval_id FROM approval WHERE state", ApprovalState
    ),
    "approvals have their decision": """
        SELECT approval_id FROM approval a
         WHERE NOT EXISTS (SELECT 1 FROM decision d WHERE d.decision_id = a.decision_id)
    """,
    "questions are about the lead of their decision": """
        SELECT approval_id FROM approval a JOIN decision d USING (decision_id) WHERE a.lead_id <> d.lead_id
    """,
    "actions that wait have an open question": """
        SELECT action_id FROM outbox o WHERE state = 'waiting' AND NOT EXISTS
               (SELECT 1 FROM approval a WHERE a.approval_id = o.approval_id AND a.state = 'open')
    """,
    "votes have their question": """
        SELECT voter FROM vote v WHERE NOT EXISTS (SELECT 1 FROM approval a WHERE a.approval_id = v.approval_id)
    """,
    "signals have their lead": """
        SELECT ref FROM signal s WHERE NOT EXISTS (SELECT 1 FROM lead l WHERE l.lead_id = s.lead_id)
    """,
    "keys have their lead": """
        SELECT key_id FROM lead_key k WHERE lead_id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM lead l WHERE l.lead_id = k.lead_id)
    """,
    "merged leads have the lead that they went into": """
        SELECT lead_id FROM lead l WHERE merged_into IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM lead w WHERE w.lead_id = l.merged_into)
    """,
    "waiting signals are as many as were counted": """
        SELECT 'counted ' || n || ', there are ' || there FROM
               (SELECT coalesce((SELECT sum(n) FROM tally WHERE name = 'waiting'), 0) AS n,
                       (SELECT count(*) FROM signal WHERE state = 'waiting') AS there)
         WHERE n <> there
    """,
}
