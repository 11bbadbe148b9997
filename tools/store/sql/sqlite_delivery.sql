-- Statements of delivery: the outbox, approvals, shared rates. The rules of `sqlite.sql` hold here too.
-- State and key of an outbox row change in `move_effect` and `relocate_effect` alone, after the life cycle of an action.

-- ============================================================ outbox

-- open_effects --
SELECT effect_key, action_id FROM outbox
 WHERE tenant = :tenant AND open_key IN (SELECT value FROM json_each(:keys));

-- insert_effect --
INSERT INTO outbox (action_id, tenant, region, lead_id, origin, kind, episode, effect_key, params, state, proposal_hash,
                    decision_id, at, run_id, place, next_try, open_key, approval_id)
VALUES (:action, :tenant, :region, :lead, :lead, :kind, :episode, :effect, :params, :state, :hash, :decision, :at, :run,
        :place, :next_try, :effect, :approval);

-- effects --
-- JSON comes as bytes, so that a row with torn text can still be fetched.
SELECT action_id, tenant, region, lead_id, origin, kind, episode, effect_key, state, reason, proposal_hash, decision_id,
       run_id, at, place, attempt, token, lease_until, next_try, send_key, open_key, approval_id, finished_at,
       again_at, CAST(params AS BLOB) AS params, CAST(steps AS BLOB) AS steps
  FROM outbox WHERE action_id IN (SELECT value FROM json_each(:ids));

-- takeable_effects --
-- Due rows, oldest first; of each lead the one proposed first, and none while another of the lead is held.
SELECT action_id FROM outbox o
 WHERE next_try <= :now
   AND NOT EXISTS (SELECT 1 FROM outbox h WHERE h.lead_id = o.lead_id AND h.lease_until > :now)
   AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.lead_id = o.lead_id AND e.next_try <= :now
                      AND (e.at, e.place, e.action_id) < (o.at, o.place, o.action_id))
 ORDER BY next_try, at, place LIMIT :limit;

-- unread_effect --
-- A row of no known kind or state: nobody takes it any more, so that it does not stand before others of its lead.
UPDATE outbox SET next_try = NULL, lease_until = 0, reason = 'unreadable' WHERE action_id = :action
RETURNING action_id, tenant, region, lead_id;

-- next_effect --
-- Rows behind a held one of their lead have their turn when that hold ends.
SELECT next_try FROM outbox o
 WHERE next_try IS NOT NULL
   AND (lease_until > 0 OR NOT EXISTS (SELECT 1 FROM outbox h WHERE h.lead_id = o.lead_id AND h.lease_until > 0))
 ORDER BY next_try LIMIT 1;

-- effect_of_tenant --
SELECT action_id FROM outbox WHERE action_id = :action AND tenant = :tenant;

-- effects_of_decision --
SELECT action_id FROM outbox WHERE decision_id = :decision AND +tenant = :tenant ORDER BY place;

-- effects_of_tenant --
SELECT action_id FROM outbox WHERE tenant = :tenant ORDER BY at DESC, place DESC LIMIT :limit;

-- effects_in_states --
SELECT action_id FROM outbox INDEXED BY outbox_state
 WHERE tenant = :tenant AND state IN (SELECT value FROM json_each(:states)) ORDER BY at DESC, place DESC LIMIT :limit;

-- effects_of_lead --
-- Those that hold their key first, so that they keep it where several move together.
SELECT action_id FROM outbox WHERE lead_id = :lead AND +tenant = :tenant AND state <> 'expired'
 ORDER BY open_key IS NULL, at, place;

-- effects_of_lead_newest --
SELECT action_id FROM outbox WHERE lead_id = :lead AND +tenant = :tenant ORDER BY at DESC, place DESC LIMIT :limit;

-- effects_from_lead --
-- What was proposed for a lead before it was merged away, and is with another now.
SELECT action_id FROM outbox WHERE origin = :lead AND +tenant = :tenant AND lead_id <> origin AND state <> 'expired'
 ORDER BY open_key IS NULL, at, place;

-- effects_of_approval --
SELECT action_id FROM outbox WHERE approval_id = :approval AND +tenant = :tenant ORDER BY place;

-- holder_of_key --
SELECT action_id FROM outbox WHERE tenant = :tenant AND open_key = :effect;

-- heir_of_key --
-- The oldest row that went without a key because another row had it.
SELECT action_id FROM outbox INDEXED BY outbox_effect
 WHERE tenant = :tenant AND effect_key = :effect AND open_key IS NULL
   AND state IN (SELECT value FROM json_each(:states))
 ORDER BY at, place LIMIT 1;

-- move_effect --
UPDATE outbox SET state = :state, reason = :reason, attempt = :attempt, token = :token, lease_until = :lease,
                  next_try = :next_try, finished_at = :finished, open_key = :open_key
 WHERE action_id = :action AND tenant = :tenant;

-- relocate_effect --
UPDATE outbox SET lead_id = :lead, effect_key = :effect, open_key = :open_key
 WHERE action_id = :action AND tenant = :tenant;

-- give_key --
UPDATE outbox SET open_key = effect_key WHERE action_id = :action AND tenant = :tenant;

-- keep_steps --
UPDATE outbox SET steps = :steps, send_key = :send_key WHERE action_id = :action AND tenant = :tenant;

-- name_holder --
-- Whose the hold is; it says nothing once the hold has ended.
UPDATE outbox SET held_by = :by WHERE action_id = :action AND tenant = :tenant;

-- send_again --
UPDATE outbox SET steps = NULL, send_key = NULL, again_at = :again WHERE action_id = :action AND tenant = :tenant;

-- reclaim_effects --
-- What is held was left behind: by anybody if nobody else can be running, else by the last process of this name. A row
-- that was sending stays so: it may have been sent.
UPDATE outbox SET token = token + 1, lease_until = 0, next_try = :now
 WHERE lease_until > 0 AND (:by IS NULL OR held_by = :by);

-- lead_of_effect --
SELECT l.lead_id, l.tenant, l.region, l.account, l.suppressed, l.live, s.body
  FROM lead l LEFT JOIN lead_state s ON s.lead_id = l.lead_id
 WHERE l.lead_id = :lead AND l.tenant = :tenant;

-- ============================================================ approvals

-- insert_approval --
INSERT INTO approval (approval_id, tenant, region, lead_id, decision_id, run_id, proposal_hash, state, policy, people,
                      hours, asked_at, expires_at)
VALUES (:approval, :tenant, :region, :lead, :decision, :run, :hash, :state, :policy, :people, :hours, :asked_at,
        :expires_at);

-- approvals --
SELECT a.*, e.edited_from, e.editor, e.at AS edited_at
  FROM approval a LEFT JOIN approval_edit e ON e.approval_id = a.approval_id
 WHERE a.approval_id IN (SELECT value FROM json_each(:ids));

-- approvals_open --
SELECT approval_id FROM approval
 WHERE tenant = :tenant AND state = 'open' AND (:region IS NULL OR region = :region)
 ORDER BY asked_at, approval_id LIMIT :limit;

-- approvals_page --
SELECT approval_id FROM approval
 WHERE tenant = :tenant AND state IN (SELECT value FROM json_each(:states)) AND (asked_at, approval_id) > (:at, :after)
   AND (:region IS NULL OR region = :region)
 ORDER BY asked_at, approval_id LIMIT :limit;

-- approvals_due --
SELECT approval_id FROM approval WHERE state = 'open' AND expires_at <= :now ORDER BY expires_at LIMIT :limit;

-- approvals_ended --
SELECT approval_id FROM approval
 WHERE tenant = :tenant AND state <> 'open' AND state IN (SELECT value FROM json_each(:states))
 ORDER BY decided_at DESC, approval_id DESC LIMIT :limit;

-- approvals_of_lead --
SELECT approval_id FROM approval WHERE lead_id = :lead AND +tenant = :tenant AND state = 'open';

-- approval_named --
-- By its own id, its decision's (the form that stands, if it was edited), or that of one of its actions.
SELECT approval_id FROM approval WHERE approval_id = :asked AND tenant = :tenant
 UNION ALL
SELECT approval_id FROM approval WHERE decision_id = :asked AND tenant = :tenant AND state <> 'edited'
 UNION ALL
SELECT approval_id FROM outbox WHERE action_id = :asked AND tenant = :tenant AND approval_id IS NOT NULL
 LIMIT 1;

-- asked_in_vain --
-- What the newest row of its key asked a person for in vain, as what it was asked under no longer held: it may be
-- proposed again.
SELECT o.lead_id, o.kind, o.episode FROM outbox o JOIN approval a ON a.approval_id = o.approval_id
 WHERE o.lead_id IN (SELECT value FROM json_each(:leads)) AND o.state = 'expired' AND a.state = 'redecided'
   AND NOT EXISTS (SELECT 1 FROM outbox n WHERE n.lead_id = o.lead_id AND n.kind = o.kind AND n.episode = o.episode
                      AND n.rowid > o.rowid);

-- actions_of_approvals --
SELECT approval_id, action_id FROM outbox
 WHERE approval_id IN (SELECT value FROM json_each(:ids)) ORDER BY approval_id, place;

-- votes_of_approvals --
SELECT v.approval_id, v.voter, v.kind, v.at, v.commitment, s.ciphertext, s.salt, s.key_id
  FROM vote v LEFT JOIN sealed s ON s.commitment = v.commitment
 WHERE v.approval_id IN (SELECT value FROM json_each(:ids)) ORDER BY v.seq;

-- showings_of_approvals --
SELECT approval_id, viewer, at FROM showing
 WHERE approval_id IN (SELECT value FROM json_each(:ids)) ORDER BY approval_id, at, viewer;

-- insert_showing --
INSERT INTO showing (tenant, region, approval_id, viewer, at) VALUES (:tenant, :region, :approval, :viewer, :at)
    ON CONFLICT (approval_id, viewer) DO NOTHING;

-- carry_showings --
INSERT INTO showing (tenant, region, approval_id, viewer, at)
SELECT tenant, region, :after, viewer, at FROM showing WHERE approval_id = :before AND +tenant = :tenant;

-- insert_edit --
INSERT INTO approval_edit (approval_id, tenant, region, edited_from, editor, at)
VALUES (:approval, :tenant, :region, :origin, :editor, :at);

-- insert_edited_effect --
-- The changed form of a row, still without its key: it gets it when the row that it stands for gives it up.
INSERT INTO outbox (action_id, tenant, region, lead_id, origin, kind, episode, effect_key, params, state, proposal_hash,
                    decision_id, at, run_id, place, approval_id)
SELECT :after, tenant, region, lead_id, lead_id, kind, episode, effect_key, :params, 'waiting', :hash, decision_id, at,
       run_id, place, :approval
  FROM outbox WHERE action_id = :action AND tenant = :tenant;

-- end_approval --
UPDATE approval SET state = :state, decided_at = :now, reason = :reason
 WHERE approval_id = :approval AND tenant = :tenant AND state = 'open';

-- assign_approval --
UPDATE approval SET assignee = :to WHERE approval_id = :approval AND tenant = :tenant AND state = 'open';

-- insert_vote --
INSERT INTO vote (tenant, region, approval_id, voter, kind, at, commitment)
VALUES (:tenant, :region, :approval, :voter, :kind, :at, :commitment);

-- ============================================================ shared rates

-- bucket --
SELECT level, at FROM rate_bucket WHERE name = :name;

-- keep_bucket --
INSERT INTO rate_bucket (name, tenant, region, level, at) VALUES (:name, '', '', :level, :at)
    ON CONFLICT (name) DO UPDATE SET level = excluded.level, at = excluded.at;

-- drop_full_buckets --
DELETE FROM rate_bucket WHERE at < :before;

-- hold_vendor --
INSERT INTO vendor_wait (tenant, region, vendor, until) VALUES (:tenant, '', :vendor, :until)
    ON CONFLICT (tenant, vendor) DO UPDATE SET until = max(until, excluded.until);

-- held_vendor --
SELECT until FROM vendor_wait WHERE tenant = :tenant AND vendor = :vendor;

-- vendor_waits --
SELECT vendor, until FROM vendor_wait WHERE tenant = :tenant ORDER BY vendor;
