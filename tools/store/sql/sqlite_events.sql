-- ============================================================ outgoing events

-- insert_feed --
INSERT INTO feed (tenant, region, kind, ref, at) VALUES (:tenant, :region, :kind, :ref, :at);

-- feed_from --
-- With each decision the last reading of the lead before it.
SELECT f.place, f.kind, f.ref, f.at, d.content,
       (SELECT p.content FROM decision p
         WHERE p.lead_id = d.lead_id AND p.seq < d.seq AND json_extract(CAST(p.content AS TEXT), '$.reading') IS NOT NULL
         ORDER BY p.seq DESC LIMIT 1) AS earlier,
       a.lead_id, a.decision_id, a.proposal_hash, a.people, a.asked_at, a.expires_at, e.edited_from,
       t.origin, t.told
  FROM feed f
       LEFT JOIN decision d ON f.kind = 'decision' AND d.decision_id = f.ref
       LEFT JOIN approval a ON f.kind = 'approval' AND a.approval_id = f.ref
       LEFT JOIN approval_edit e ON e.approval_id = a.approval_id
       LEFT JOIN talk_decision t ON f.kind = 'talk' AND t.tenant = f.tenant AND t.decision_id = f.ref
 WHERE f.tenant = :tenant AND f.region = :region AND f.place >= :place ORDER BY f.place LIMIT :limit;

-- feed_end --
SELECT max(place) AS place FROM feed WHERE tenant = :tenant AND region = :region;

-- insert_subscription --
INSERT INTO subscription (tenant, region, subscription_id, url, types, state, position, made_at)
VALUES (:tenant, :region, :subscription, :url, :types, 'on', :position, :now);

-- subscriptions --
SELECT subscription_id, region, url, types, state, reason, position, made_at, generation, rotated_at, tries,
       failing_since, next_try, lease_until, token
  FROM subscription WHERE tenant = :tenant ORDER BY subscription_id;

-- subscriptions_due --
-- Only those that have something before them; who has waited longest comes first.
SELECT subscription_id FROM subscription s
 WHERE tenant = :tenant AND state = 'on' AND next_try <= :now AND lease_until <= :now
   AND EXISTS (SELECT 1 FROM feed f
                WHERE f.tenant = s.tenant AND f.region = s.region AND f.place >= (s.position + 1) / :per_row)
 ORDER BY next_try LIMIT :limit;

-- take_subscription --
UPDATE subscription SET lease_until = :until, token = token + 1
 WHERE tenant = :tenant AND subscription_id = :subscription AND state = 'on' AND next_try <= :now AND lease_until <= :now;

-- advance_subscription --
-- What is reached, and what is reached by arriving: a failure is over then.
UPDATE subscription SET position = :position, lease_until = :until,
       tries = CASE WHEN :arrived THEN 0 ELSE tries END, reason = CASE WHEN :arrived THEN '' ELSE reason END,
       failing_since = CASE WHEN :arrived THEN NULL ELSE failing_since END
 WHERE tenant = :tenant AND subscription_id = :subscription AND token = :token AND state = 'on';

-- fail_subscription --
UPDATE subscription SET state = :state, reason = :reason, tries = tries + 1, next_try = :next_try, lease_until = 0,
       failing_since = coalesce(failing_since, :now)
 WHERE tenant = :tenant AND subscription_id = :subscription AND token = :token AND state = 'on';

-- release_subscription --
UPDATE subscription SET lease_until = 0, next_try = :now
 WHERE tenant = :tenant AND subscription_id = :subscription AND token = :token;

-- restart_subscription --
UPDATE subscription SET position = :position, state = 'on', reason = '', tries = 0, failing_since = NULL, next_try = 0,
       lease_until = 0, token = token + 1
 WHERE tenant = :tenant AND subscription_id = :subscription AND state <> 'ended';

-- rotate_subscription --
UPDATE subscription SET generation = generation + 1, rotated_at = :now
 WHERE tenant = :tenant AND subscription_id = :subscription AND state <> 'ended';

-- end_subscription --
UPDATE subscription SET state = 'ended', reason = :reason, lease_until = 0, token = token + 1
 WHERE tenant = :tenant AND subscription_id = :subscription AND state <> 'ended';
