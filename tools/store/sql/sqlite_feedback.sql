-- Statements of feedback: overrides and labels. The rules of `sqlite.sql` hold here too.

-- ============================================================ overrides

-- insert_override --
INSERT INTO lead_override (override_id, tenant, region, lead_id, origin, kind, value, at, until, setter, decision_id,
                           commitment)
VALUES (:override, :tenant, :region, :lead, :lead, :kind, :value, :at, :until, :by, :decision, :commitment);

-- overrides_of_leads --
-- What a run is told. Of a lead and kind there is at most one that nobody has ended.
SELECT lead_id, override_id, kind, value, at, until FROM lead_override
 WHERE lead_id IN (SELECT value FROM json_each(:leads)) AND ended_at IS NULL AND (until IS NULL OR until > :now)
 ORDER BY lead_id, kind;

-- override_history --
SELECT o.*, s.ciphertext, s.salt, s.key_id
  FROM lead_override o LEFT JOIN sealed s ON s.commitment = o.commitment
 WHERE o.lead_id = :lead AND +o.tenant = :tenant ORDER BY o.at, o.override_id;

-- overrides_at --
SELECT o.*, s.ciphertext, s.salt, s.key_id
  FROM lead_override o LEFT JOIN sealed s ON s.commitment = o.commitment
 WHERE o.tenant = :tenant AND o.at <= :at AND (o.ended_at IS NULL OR o.ended_at > :at)
   AND (o.until IS NULL OR o.until > :at)
 ORDER BY o.lead_id, o.kind, o.at;

-- keep_override --
-- All of a row that can change.
UPDATE lead_override SET lead_id = :lead, ended = :end, ended_at = :ended_at, ended_by = :ended_by, stood = :stood
 WHERE override_id = :override AND tenant = :tenant;

-- lead_place --
SELECT lead_id, merged_into, suppressed FROM lead
 WHERE tenant = :tenant AND lead_id IN (SELECT value FROM json_each(:leads));

-- ============================================================ labels

-- labels_of_votes --
-- Approvals that people's votes ended; the last vote is the one that did.
SELECT a.lead_id, a.approval_id, a.decision_id, a.state, a.decided_at,
       (SELECT count(*) FROM vote v WHERE v.approval_id = a.approval_id) AS votes
  FROM approval a INDEXED BY approval_ended
 WHERE a.tenant = :tenant AND a.state <> 'open' AND a.state IN ('approved', 'rejected')
   AND a.decided_at >= :since AND a.decided_at < :until;

-- labels_of_edits --
SELECT approval_id, edited_from FROM approval_edit WHERE tenant = :tenant AND at >= :since AND at < :until;

-- labels_of_actions --
SELECT action_id, lead_id, kind, decision_id, finished_at FROM outbox INDEXED BY outbox_state
 WHERE tenant = :tenant AND state = 'compensated' AND finished_at >= :since AND finished_at < :until;

-- labels_of_overrides --
SELECT override_id, lead_id, kind, value, at, decision_id FROM lead_override
 WHERE tenant = :tenant AND at >= :since AND at < :until;

-- labels_of_signals --
SELECT ref, lead_id, kind, occurred, known, body FROM signal INDEXED BY signal_label
 WHERE tenant = :tenant AND kind IN ('crm.outcome', 'crm.not_a_lead') AND known >= :since AND known < :until;
