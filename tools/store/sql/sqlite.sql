-- Statements for SQLite, by name. Lists come as one JSON parameter: IN (SELECT value FROM json_each(:list)).
-- Every statement is limited to one tenant; those that work the queue take leads of any tenant and go on per lead.
-- `+tenant` keeps an index that begins with the tenant out of the plan, where another one finds the row at once.

-- ============================================================ inbox

-- known_refs --
SELECT ref, digest FROM signal
 WHERE tenant = :tenant AND ref IN (SELECT value FROM json_each(:refs));

-- signal_body --
SELECT body FROM signal WHERE tenant = :tenant AND ref = :ref;

-- signals_by_ref --
SELECT body FROM signal
 WHERE tenant = :tenant AND ref IN (SELECT value FROM json_each(:refs));

-- insert_signal --
-- The hot ones are positional; this one in the order of `intake._row`.
INSERT INTO signal (tenant, region, ref, source, lead_id, kind, account, occurred, known, received, state, reason,
                    events, has_text, digest, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- batch_leads --
SELECT lead_id, live, suppressed, parked, account, account_at, account_ref, lease_until, retry_at, ready_at, last_seen
  FROM lead
 WHERE tenant = :tenant AND lead_id IN (SELECT value FROM json_each(:leads));

-- insert_lead --
INSERT INTO lead (lead_id, tenant, region, account, account_at, account_ref, ready_at, first_seen, last_seen)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- touch_lead --
UPDATE lead SET ready_at = ?, last_seen = ?, account = ?, account_at = ?, account_ref = ?
 WHERE lead_id = ? AND tenant = ?;

-- see_lead --
-- The same where only the time changes: no index but that of accounts holds it.
UPDATE lead SET last_seen = ? WHERE lead_id = ? AND tenant = ?;

-- add_tally --
INSERT INTO tally (tenant, region, name, n) VALUES (:tenant, :region, :name, :n)
    ON CONFLICT (tenant, name, region) DO UPDATE SET n = n + excluded.n;

-- waiting --
SELECT coalesce(sum(n), 0) AS n FROM tally WHERE name = 'waiting';

-- stream --
SELECT body FROM stream WHERE tenant = :tenant AND region = :region AND source = :source;

-- keep_stream --
INSERT INTO stream (tenant, region, source, body) VALUES (:tenant, :region, :source, :body)
    ON CONFLICT (tenant, source, region) DO UPDATE SET body = excluded.body;

-- ============================================================ quarantine

-- insert_quarantine --
INSERT INTO quarantine (tenant, region, item_id, source, position, field, code, reason, at, state, raw)
VALUES (:tenant, :region, :item, :source, :position, :field, :code, :reason, :at, 'open', :raw);

-- close_quarantine --
UPDATE quarantine SET state = :state, closed_reason = :reason, closed_at = :at, raw = NULL
 WHERE tenant = :tenant AND item_id = :item AND state = 'open';

-- quarantine_item --
SELECT * FROM quarantine WHERE tenant = :tenant AND item_id = :item AND state = 'open';

-- quarantine_open --
SELECT item_id, region, source, position, field, code, reason, at FROM quarantine
 WHERE tenant = :tenant AND state = 'open' ORDER BY seq LIMIT :limit;

-- ============================================================ keys and links

-- next_key --
SELECT coalesce(max(key_id), 0) + 1 AS n FROM lead_key;

-- keys_by_value --
SELECT key_id, region, kind, value, lead_id, born, shared FROM lead_key
 WHERE tenant = :tenant AND value IN (SELECT value FROM json_each(:values));

-- keys_by_id --
SELECT key_id, region, kind, value, lead_id, born, shared FROM lead_key
 WHERE +tenant = :tenant AND key_id IN (SELECT value FROM json_each(:ids));

-- keys_of_lead --
SELECT kind, value FROM lead_key WHERE tenant = :tenant AND lead_id = :lead ORDER BY kind, value;

-- insert_key --
INSERT INTO lead_key (key_id, tenant, region, kind, value, lead_id, born, shared)
VALUES (:key_id, :tenant, :region, :kind, :value, :lead, :born, :shared);

-- update_key --
UPDATE lead_key SET lead_id = :lead, born = :born, shared = :shared
 WHERE key_id = :key_id AND tenant = :tenant;

-- add_link --
-- Keeps of all links of a kind between two keys the first known and the last to occur.
INSERT INTO link (tenant, region, a, b, kind, first_at, first_ref, first_known, last_at, last_ref, last_known)
VALUES (:tenant, :region, :a, :b, :kind, :first_at, :first_ref, :first_known, :last_at, :last_ref, :last_known)
    ON CONFLICT (a, b, kind) DO UPDATE SET
       first_at = CASE WHEN (excluded.first_known, excluded.first_at, excluded.first_ref)
                          < (first_known, first_at, first_ref) THEN excluded.first_at ELSE first_at END,
       first_ref = CASE WHEN (excluded.first_known, excluded.first_at, excluded.first_ref)
                           < (first_known, first_at, first_ref) THEN excluded.first_ref ELSE first_ref END,
       first_known = min(excluded.first_known, first_known),
       last_at = max(excluded.last_at, last_at),
       last_ref = CASE WHEN (excluded.last_at, excluded.last_ref) > (last_at, last_ref)
                       THEN excluded.last_ref ELSE last_ref END,
       last_known = CASE WHEN (excluded.last_at, excluded.last_ref) > (last_at, last_ref)
                         THEN excluded.last_known ELSE last_known END;

-- links_of_keys --
SELECT a, b, kind, first_at, first_ref, first_known, last_at, last_ref, last_known FROM link
 WHERE tenant = :tenant AND kind <> 'beside' AND a IN (SELECT value FROM json_each(:keys))
 UNION ALL
SELECT a, b, kind, first_at, first_ref, first_known, last_at, last_ref, last_known FROM link
 WHERE tenant = :tenant AND kind <> 'beside' AND b IN (SELECT value FROM json_each(:keys));

-- roles_beside --
SELECT b FROM link
 WHERE tenant = :tenant AND kind = 'beside' AND a IN (SELECT value FROM json_each(:keys));

-- signals_of_leads --
SELECT s.lead_id, s.seq, s.body FROM json_each(:leads) j CROSS JOIN signal s
 WHERE s.lead_id = j.value AND s.tenant = :tenant;

-- first_seen --
SELECT lead_id, first_seen FROM lead
 WHERE tenant = :tenant AND lead_id IN (SELECT value FROM json_each(:leads));

-- move_all_signals --
UPDATE signal SET lead_id = :to WHERE lead_id = :lead AND tenant = :tenant;

-- move_signal --
UPDATE signal SET lead_id = :to WHERE seq = :seq AND tenant = :tenant;

-- insert_merge --
INSERT INTO merge (tenant, region, kind, winner, loser, at)
VALUES (:tenant, :region, :kind, :winner, :loser, :at);

-- retire_lead --
-- Merged away (into :into) or left without a signal. Whoever holds it is fenced off.
UPDATE lead SET live = 0, merged_into = :into, token = token + 1, identity_version = identity_version + 1,
                lease_until = 0, leased_by = '', ready_at = NULL, attempt = 0, lost = 0, parked = NULL, retry_at = 0
 WHERE lead_id = :lead AND tenant = :tenant;

-- move_timers --
INSERT INTO timer (tenant, region, lead_id, reason, due_at)
SELECT tenant, region, :to, reason, due_at FROM timer WHERE lead_id = :lead AND tenant = :tenant
    ON CONFLICT (lead_id, reason) DO UPDATE SET due_at = min(due_at, excluded.due_at);

-- drop_timers --
DELETE FROM timer WHERE lead_id = :lead AND tenant = :tenant;

-- ============================================================ one lead made anew

-- lead_row --
SELECT * FROM lead WHERE lead_id = :lead AND tenant = :tenant;

-- lead_state --
SELECT body FROM lead_state WHERE lead_id = :lead AND tenant = :tenant;

-- lead_facts --
SELECT count(*) AS signals, max(occurred) AS last_seen, max(kind = 'crm.privacy_delete') AS suppressed,
       sum(CASE WHEN state = 'applied' OR (state = 'superseded' AND reason = 'over_cap') THEN events ELSE 0 END) AS events
  FROM signal WHERE lead_id = :lead AND tenant = :tenant;

-- lead_account --
SELECT account, occurred, ref FROM signal
 WHERE lead_id = :lead AND tenant = :tenant AND account IS NOT NULL
 ORDER BY occurred DESC, ref DESC LIMIT 1;

-- newest_processed --
SELECT body, tags FROM signal
 WHERE lead_id = :lead AND tenant = :tenant
   AND (state = 'applied' OR (state = 'superseded' AND reason = 'over_cap'))
 ORDER BY occurred DESC, ref DESC LIMIT :limit OFFSET :offset;

-- suppress_signals --
UPDATE signal INDEXED BY signal_lead SET state = 'superseded', reason = 'suppressed'
 WHERE lead_id = :lead AND tenant = :tenant AND state = :state AND kind <> 'crm.privacy_delete';

-- unsuppress_signals --
UPDATE signal INDEXED BY signal_lead SET state = 'waiting', reason = NULL
 WHERE lead_id = :lead AND tenant = :tenant AND state = 'superseded' AND reason = 'suppressed';

-- unpark_signals --
UPDATE signal INDEXED BY signal_lead SET state = 'waiting', reason = NULL
 WHERE lead_id = :lead AND tenant = :tenant AND state = 'parked';

-- ensure_lead --
INSERT INTO lead (lead_id, tenant, region, first_seen, last_seen)
VALUES (:lead, :tenant, :region, :now, :now) ON CONFLICT (lead_id) DO NOTHING;

-- renew_lead --
UPDATE lead SET live = 1, merged_into = NULL, suppressed = :suppressed, account = :account, account_at = :account_at,
                account_ref = :account_ref, last_seen = :last_seen, token = token + 1,
                identity_version = identity_version + 1, lease_until = 0, leased_by = '', attempt = 0, lost = 0,
                parked = NULL, retry_at = 0, ready_at = :ready_at
 WHERE lead_id = :lead AND tenant = :tenant;

-- keep_state --
INSERT INTO lead_state (lead_id, tenant, region, body) VALUES (:lead, :tenant, :region, :body)
    ON CONFLICT (lead_id) DO UPDATE SET body = excluded.body;

-- has_waiting --
SELECT 1 FROM signal WHERE lead_id = :lead AND tenant = :tenant AND state = 'waiting' LIMIT 1;

-- first_timer --
SELECT min(due_at) AS due_at FROM timer WHERE lead_id = :lead AND tenant = :tenant;

-- ============================================================ the vault's keys

-- keep_subject_keys --
INSERT INTO subject_keys (key_id, tenant, region, lead_id, origin, wrapped)
VALUES (:key, :tenant, :region, :lead, :lead, :wrapped)
    ON CONFLICT (key_id) DO UPDATE SET lead_id = excluded.lead_id, wrapped = excluded.wrapped;

-- subject_keys_of_origin --
SELECT key_id, tenant, lead_id, wrapped FROM subject_keys
 WHERE tenant = :tenant AND lead_id <> :lead AND origin = :lead;

-- subject_keys --
SELECT key_id, tenant, lead_id, wrapped FROM subject_keys
 WHERE tenant = :tenant AND (lead_id = :lead OR key_id = :key) ORDER BY rowid;

-- ============================================================ audit

-- chain_head --
SELECT seq, hash FROM audit WHERE tenant = :tenant AND writer = :writer ORDER BY seq DESC LIMIT 1;

-- insert_audit --
INSERT INTO audit (tenant, region, writer, seq, prev, hash, run_id, body)
VALUES (:tenant, :region, :writer, :seq, :prev, :hash, :run_id, :body);

-- ============================================================ accounts

-- mark_account --
-- Due a while from now; a mark that is there already stands, so that a burst of changes is one refresh.
INSERT INTO account (tenant, region, account, due_at, marked_at)
VALUES (:tenant, :region, :account, :due_at, :now)
    ON CONFLICT (tenant, account) DO UPDATE SET due_at = coalesce(due_at, excluded.due_at),
       marked_at = max(marked_at, excluded.marked_at);

-- due_accounts --
SELECT tenant, account FROM account WHERE due_at <= :now ORDER BY due_at LIMIT :limit;

-- members --
SELECT l.lead_id, l.tenant, l.region, l.account, l.suppressed, s.body
  FROM lead l LEFT JOIN lead_state s ON s.lead_id = l.lead_id
 WHERE l.tenant = :tenant AND l.account = :account AND l.live = 1
 ORDER BY l.last_seen DESC LIMIT :limit;

-- snapshots --
SELECT account, version, as_of, body FROM account
 WHERE tenant = :tenant AND version > 0 AND account IN (SELECT value FROM json_each(:accounts));

-- keep_snapshot --
-- What was marked while the snapshot was taken, by whichever clock, falls due again.
INSERT INTO account (tenant, region, account, version, as_of, body)
VALUES (:tenant, :region, :account, 1, :as_of, :body)
    ON CONFLICT (tenant, account) DO UPDATE SET version = version + 1, as_of = excluded.as_of, body = excluded.body,
       due_at = CASE WHEN marked_at + :skew >= excluded.as_of AND marked_at > 0 THEN marked_at + :delay END;

-- wake_lead --
INSERT INTO timer (tenant, region, lead_id, reason, due_at, fresh)
SELECT tenant, region, lead_id, :reason, :now, lease_until > 0 FROM lead
 WHERE lead_id = :lead AND tenant = :tenant AND live = 1 AND suppressed = 0
    ON CONFLICT (lead_id, reason) DO UPDATE SET due_at = min(due_at, excluded.due_at), fresh = max(fresh, excluded.fresh);

-- ready_lead --
UPDATE lead SET ready_at = min(coalesce(ready_at, :now), max(:now, retry_at))
 WHERE lead_id = :lead AND tenant = :tenant AND live = 1 AND suppressed = 0 AND parked IS NULL AND lease_until = 0;

-- ============================================================ claims

-- claimable --
-- Leads whose time has come, oldest first: work, a timer, or the end of a lease.
SELECT lead_id, tenant, region, attempt, lost, lease_until FROM lead
 WHERE ready_at <= :now ORDER BY ready_at LIMIT :limit;

-- take_leads --
-- A new token for each, and attempt n, durable before anybody works on it. A lease found running out ended without a word.
UPDATE lead SET token = token + 1, attempt = attempt + 1, lost = lost + (lease_until > 0), lease_until = :until,
                leased_by = :by, ready_at = :until
 WHERE lead_id IN (SELECT value FROM json_each(:leads))
RETURNING lead_id, tenant, region, account, suppressed, token, identity_version, attempt, lease_until;

-- settle_timers --
UPDATE timer SET fresh = 0 WHERE lead_id IN (SELECT value FROM json_each(:leads)) AND fresh = 1;

-- states_of_leads --
SELECT lead_id, body FROM lead_state WHERE lead_id IN (SELECT value FROM json_each(:leads));

-- waiting_signals --
-- Of each lead the first :limit to arrive; the rest is for its next claim.
SELECT s.lead_id, s.source, s.region, s.body
  FROM json_each(:leads) j CROSS JOIN signal s
 WHERE s.seq IN (SELECT w.seq FROM signal w WHERE w.lead_id = j.value AND w.state = 'waiting' ORDER BY w.seq LIMIT :limit);

-- recent_signals --
SELECT s.lead_id, s.body
  FROM json_each(:leads) j CROSS JOIN signal s
 WHERE s.seq IN (SELECT w.seq FROM signal w WHERE w.lead_id = j.value AND w.has_text = 1 AND w.state = 'applied'
                  ORDER BY w.occurred DESC LIMIT :limit);

-- due_timers --
SELECT lead_id, reason, due_at FROM timer
 WHERE lead_id IN (SELECT value FROM json_each(:leads)) AND due_at <= :now ORDER BY due_at, reason;

-- rep_loads --
SELECT j.value AS rep_id,
       (SELECT count(*) FROM assignment a WHERE a.tenant = :tenant AND a.rep_id = j.value AND a.day = :day) AS load,
       (SELECT max(a.at) FROM assignment a WHERE a.tenant = :tenant AND a.rep_id = j.value
           AND a.day = (SELECT max(b.day) FROM assignment b WHERE b.tenant = :tenant AND b.rep_id = j.value)) AS last
  FROM json_each(:reps) j;

-- extend_lease --
UPDATE lead SET lease_until = :until, ready_at = :until
 WHERE lead_id = :lead AND token = :token AND lease_until > 0;

-- held_lead --
SELECT lead_id, tenant, region, attempt FROM lead WHERE lead_id = :lead AND token = :token AND lease_until > 0;

-- give_back --
UPDATE lead SET token = token + 1, attempt = :attempt, lost = 0, lease_until = 0, leased_by = '', retry_at = :retry_at,
                ready_at = :retry_at
 WHERE lead_id = :lead AND tenant = :tenant;

-- park_lead --
UPDATE lead SET token = token + 1, lost = 0, lease_until = 0, leased_by = '', parked = :reason, ready_at = NULL
 WHERE lead_id = :lead AND tenant = :tenant;

-- park_signals --
UPDATE signal SET state = 'parked', reason = :reason
 WHERE lead_id = :lead AND tenant = :tenant AND state = 'waiting';

-- parked_lead --
SELECT lead_id, tenant, region FROM lead WHERE lead_id = :lead AND parked IS NOT NULL;

-- unpark_lead --
UPDATE lead SET parked = NULL, attempt = 0, retry_at = 0 WHERE lead_id = :lead AND tenant = :tenant;

-- reclaim --
-- What is held was left behind: by anybody if nobody else can be running, else by the last process of this name.
UPDATE lead SET token = token + 1, lost = lost + 1, lease_until = 0, leased_by = '', ready_at = max(:now, retry_at)
 WHERE lease_until > 0 AND (:by IS NULL OR leased_by = :by);

-- next_due --
SELECT min(due) AS due FROM (SELECT min(ready_at) AS due FROM lead WHERE ready_at IS NOT NULL
                      UNION ALL SELECT min(due_at) FROM account WHERE due_at IS NOT NULL);

-- ============================================================ commit

-- held_leads --
SELECT lead_id, tenant, region, account, live, suppressed, token, identity_version, attempt FROM lead
 WHERE lead_id IN (SELECT value FROM json_each(:leads));

-- known_decisions --
SELECT decision_id FROM decision WHERE decision_id IN (SELECT value FROM json_each(:decisions));

-- assigned_today --
SELECT rep_id, lead_id FROM assignment
 WHERE tenant = :tenant AND day = :day AND rep_id IN (SELECT value FROM json_each(:reps));

-- insert_decision --
INSERT INTO decision (tenant, region, decision_id, run_id, lead_id, state, as_of, at, commitment, content)
VALUES (:tenant, :region, :decision, :run, :lead, :state, :as_of, :at, :commitment, :content);

-- insert_sealed --
INSERT INTO sealed (commitment, tenant, region, lead_id, ciphertext, salt, key_id)
VALUES (:commitment, :tenant, :region, :lead, :ciphertext, :salt, :key);

-- insert_decision_action --
INSERT INTO decision_action (tenant, region, decision_id, effect_key, action_id, outcome)
VALUES (:tenant, :region, :decision, :effect, :action, :outcome)
    ON CONFLICT (decision_id, effect_key) DO NOTHING;

-- finish_signal --
UPDATE signal SET state = :state, reason = :reason, tags = :tags
 WHERE tenant = :tenant AND ref = :ref AND lead_id = :lead AND state = 'waiting';

-- clear_timers --
-- The run's own timers replace the lead's, but for those set while it ran.
DELETE FROM timer WHERE lead_id = :lead AND tenant = :tenant AND fresh = 0;

-- set_timer --
INSERT INTO timer (tenant, region, lead_id, reason, due_at) VALUES (:tenant, :region, :lead, :reason, :due_at)
    ON CONFLICT (lead_id, reason) DO UPDATE SET due_at = min(due_at, excluded.due_at);

-- assign --
INSERT INTO assignment (tenant, region, rep_id, day, lead_id, at) VALUES (:tenant, :region, :rep, :day, :lead, :at)
    ON CONFLICT DO NOTHING;

-- finish_lead --
-- Signals that came meanwhile, or the earliest timer, say when it is its turn again.
UPDATE lead SET token = token + 1, attempt = 0, lost = 0, lease_until = 0, leased_by = '', retry_at = 0,
       ready_at = CASE WHEN EXISTS (SELECT 1 FROM signal s WHERE s.lead_id = lead.lead_id AND s.state = 'waiting')
                       THEN :now ELSE (SELECT min(due_at) FROM timer t WHERE t.lead_id = lead.lead_id) END
 WHERE lead_id = :lead AND tenant = :tenant;

-- settle_lead --
-- Nothing to do after all: back to where its signals and timers put it, no attempt counted.
UPDATE lead SET lease_until = 0, leased_by = '', attempt = 0, lost = 0,
       ready_at = CASE WHEN EXISTS (SELECT 1 FROM signal s WHERE s.lead_id = lead.lead_id AND s.state = 'waiting')
                       THEN max(:now, retry_at) ELSE (SELECT min(due_at) FROM timer t WHERE t.lead_id = lead.lead_id) END
 WHERE lead_id = :lead AND tenant = :tenant;

-- account_region --
SELECT region FROM lead WHERE tenant = :tenant AND account = :account LIMIT 1;

-- ============================================================ reads

-- forgotten_leads --
SELECT lead_id FROM lead INDEXED BY lead_forgotten
 WHERE tenant = :tenant AND suppressed = 1 AND lead_id > :after ORDER BY lead_id LIMIT :limit;

-- merged_leads --
SELECT lead_id FROM lead INDEXED BY lead_merged WHERE merged_into = :lead AND tenant = :tenant;

-- find_by_id --
SELECT lead_id, region, live, merged_into FROM lead WHERE lead_id = :key AND tenant = :tenant;

-- find_by_key --
-- A value that several kinds of key have names the lead seen first.
SELECT k.lead_id FROM lead_key k JOIN lead l ON l.lead_id = k.lead_id
 WHERE k.tenant = :tenant AND k.value = :value AND (:kind IS NULL OR k.kind = :kind)
   AND (:region IS NULL OR k.region = :region)
 ORDER BY l.first_seen, l.lead_id LIMIT 1;

-- lead_with_state --
SELECT l.lead_id, l.tenant, l.region, l.account, l.suppressed, s.body
  FROM lead l LEFT JOIN lead_state s ON s.lead_id = l.lead_id
 WHERE l.lead_id = :lead AND l.tenant = :tenant AND l.live = 1;

-- leads_after --
SELECT l.lead_id, l.tenant, l.region, l.account, l.suppressed, s.body
  FROM lead l LEFT JOIN lead_state s ON s.lead_id = l.lead_id
 WHERE l.tenant = :tenant AND l.lead_id > :after AND l.live = 1 AND (:region IS NULL OR l.region = :region)
 ORDER BY l.lead_id LIMIT :batch;

-- signals_of_lead --
SELECT body FROM signal WHERE lead_id = :lead AND tenant = :tenant ORDER BY occurred DESC, ref DESC LIMIT :limit;

-- latest_decision --
SELECT d.seq, d.decision_id, d.run_id, d.lead_id, d.as_of, d.content, d.commitment, s.ciphertext, s.salt, s.key_id
  FROM decision d LEFT JOIN sealed s ON s.commitment = d.commitment
 WHERE d.lead_id = :lead AND +d.tenant = :tenant ORDER BY d.seq DESC LIMIT 1;

-- latest_decisions --
SELECT d.decision_id, d.run_id, d.lead_id, d.as_of, d.content FROM json_each(:leads) j CROSS JOIN decision d
 WHERE d.lead_id = j.value AND d.seq = (SELECT max(n.seq) FROM decision n WHERE n.lead_id = j.value)
   AND +d.tenant = :tenant;

-- happened --
-- One lead's history, the newest first; each part takes no more than the whole answer can hold.
SELECT at, what, name, kind, state, reason, content FROM (
  SELECT * FROM (
    SELECT occurred AS at, 'signal' AS what, ref AS name, kind, state, coalesce(reason, '') AS reason, NULL AS content
      FROM signal WHERE lead_id = :lead AND +tenant = :tenant AND occurred <= :at
                    AND (occurred, 'signal', ref) < (:at, :what, :ref)
     ORDER BY occurred DESC, ref DESC LIMIT :limit)
  UNION ALL SELECT * FROM (
    SELECT at, 'decision' AS what, decision_id AS name, run_id, state, '', content
      FROM decision WHERE lead_id = :lead AND +tenant = :tenant AND (at, 'decision', decision_id) < (:at, :what, :ref)
     ORDER BY at DESC, decision_id DESC LIMIT :limit)
  UNION ALL SELECT * FROM (
    SELECT at, 'action' AS what, action_id AS name, kind, state, coalesce(reason, ''), NULL
      FROM outbox WHERE lead_id = :lead AND +tenant = :tenant AND (at, 'action', action_id) < (:at, :what, :ref)
     ORDER BY at DESC, action_id DESC LIMIT :limit)
  UNION ALL SELECT * FROM (
    SELECT a.asked_at AS at, 'approval' AS what, a.approval_id AS name, a.decision_id, a.state, a.reason, NULL
      FROM approval a
     WHERE a.approval_id IN (SELECT approval_id FROM outbox WHERE lead_id = :lead AND approval_id IS NOT NULL)
       AND +a.tenant = :tenant AND (a.asked_at, 'approval', a.approval_id) < (:at, :what, :ref)
     ORDER BY a.asked_at DESC, a.approval_id DESC LIMIT :limit))
 ORDER BY at DESC, what DESC, name DESC LIMIT :limit;

-- decisions_after --
SELECT d.seq, d.decision_id, d.run_id, d.lead_id, d.as_of, d.content, d.commitment, s.ciphertext, s.salt, s.key_id
  FROM decision d LEFT JOIN sealed s ON s.commitment = d.commitment
 WHERE d.tenant = :tenant AND d.seq > :after ORDER BY d.seq LIMIT :batch;

-- count_signals --
-- From indexes alone: nearly all signals are applied, so those are what is left of all.
SELECT (SELECT count(*) FROM signal WHERE tenant = :tenant) AS stored,
       (SELECT count(*) FROM signal INDEXED BY signal_aside
         WHERE tenant = :tenant AND state IN ('superseded', 'parked') AND state = 'superseded') AS superseded,
       (SELECT count(*) FROM signal INDEXED BY signal_aside
         WHERE tenant = :tenant AND state IN ('superseded', 'parked') AND state = 'parked') AS parked,
       (SELECT count(*) FROM signal INDEXED BY signal_waiting WHERE tenant = :tenant AND state = 'waiting') AS waiting;

-- count_tallies --
SELECT name, sum(n) AS n FROM tally WHERE tenant = :tenant GROUP BY name;

-- count_rows --
SELECT (SELECT count(*) FROM quarantine WHERE tenant = :tenant AND state <> 'released') AS quarantined,
       (SELECT count(*) FROM lead WHERE tenant = :tenant AND live = 1) AS leads,
       (SELECT count(*) FROM decision WHERE tenant = :tenant) AS decisions,
       (SELECT count(*) FROM outbox WHERE tenant = :tenant) AS actions,
       (SELECT count(*) FROM merge WHERE tenant = :tenant AND kind = 'merge') AS merges;

-- count_states --
SELECT 'outbox' AS what, state, count(*) AS n FROM outbox WHERE tenant = :tenant GROUP BY state
 UNION ALL
SELECT 'approval', state, count(*) FROM approval WHERE tenant = :tenant GROUP BY state;

-- audit_links --
SELECT a.writer, a.seq, a.prev, a.hash, a.body, b.hash AS before
  FROM audit a LEFT JOIN audit b ON b.tenant = a.tenant AND b.writer = a.writer AND b.seq = a.seq - 1
 WHERE +a.tenant = :tenant AND a.run_id = :run ORDER BY a.writer, a.seq;

-- audit_of_run --
SELECT writer, seq, body FROM audit WHERE +tenant = :tenant AND run_id = :run ORDER BY writer, seq;

-- audit_of_tenant --
SELECT writer, seq, body FROM audit WHERE tenant = :tenant ORDER BY writer, seq;
