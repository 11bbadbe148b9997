-- ============================================================ conversations

-- talk --
SELECT version, handed_at, team, person, taken, released, action_id, handed_from FROM talk
 WHERE tenant = :tenant AND conversation = :conversation;

-- keep_talk --
INSERT INTO talk (tenant, region, conversation, version, handed_at, team, person, taken, released, lead_id, origin, at,
                  action_id, handed_from)
VALUES (:tenant, :region, :conversation, :version, :handed_at, :team, :person, :taken, :released, :lead, :lead, :at,
        :action, :handed_from)
    ON CONFLICT (tenant, conversation) DO UPDATE
   SET version = :version, handed_at = :handed_at, team = :team, person = :person, taken = :taken, released = :released,
       lead_id = :lead, origin = :lead, at = :at, action_id = :action, handed_from = :handed_from;

-- give_talk --
UPDATE talk SET action_id = :action, team = :team WHERE tenant = :tenant AND conversation = :conversation;

-- talk_taken --
-- Whether a person has the conversation that the lead was last in.
SELECT taken FROM talk WHERE lead_id = :lead AND tenant = :tenant ORDER BY at DESC LIMIT 1;

-- talks_of_action --
-- Conversations that were last given to a person by this action.
SELECT conversation, taken, released FROM talk WHERE action_id = :action AND +tenant = :tenant;

-- handings_of_lead --
SELECT action_id FROM outbox
 WHERE lead_id = :lead AND +tenant = :tenant AND kind = 'handoff' AND state <> 'expired'
 ORDER BY at DESC, place DESC, action_id LIMIT :limit;

-- insert_talk_decision --
INSERT INTO talk_decision (tenant, region, decision_id, lead_id, origin, at, commitment, action_id, told)
VALUES (:tenant, :region, :decision, :lead, :lead, :at, :commitment, :action, :told);

-- talk_decisions_after --
SELECT d.seq, d.decision_id, d.lead_id, d.at, s.commitment, s.ciphertext, s.salt, s.key_id
  FROM talk_decision d LEFT JOIN sealed s ON s.commitment = d.commitment
 WHERE d.tenant = :tenant AND d.seq > :after ORDER BY d.seq LIMIT :batch;

-- move_talks --
UPDATE talk SET lead_id = :to WHERE lead_id = :lead AND +tenant = :tenant;

-- move_talk_decisions --
UPDATE talk_decision SET lead_id = :to WHERE lead_id = :lead AND +tenant = :tenant;

-- return_talks --
UPDATE talk SET lead_id = :lead WHERE origin = :lead AND +tenant = :tenant AND lead_id <> :lead;

-- return_talk_decisions --
UPDATE talk_decision SET lead_id = :lead WHERE origin = :lead AND +tenant = :tenant AND lead_id <> :lead;

-- drop_talk_records --
-- What was said, and what was made of it; that something was decided stays on record.
DELETE FROM sealed WHERE commitment IN
       (SELECT commitment FROM talk_decision WHERE lead_id = :lead AND +tenant = :tenant
         UNION ALL SELECT commitment FROM talk_decision WHERE origin = :lead AND +tenant = :tenant);
