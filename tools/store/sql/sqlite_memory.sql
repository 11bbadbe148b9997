-- Statements of what memory was given. The rules of `sqlite.sql` hold here too.

-- ============================================================ what is out of step

-- mark_spoken --
-- Leads of a commit that have said something, or whose outcome says how their talks ended.
INSERT INTO memory_due (lead_id, tenant, region, mark)
SELECT DISTINCT s.lead_id, s.tenant, s.region, 1 FROM json_each(:refs) j CROSS JOIN signal s
 WHERE s.tenant = :tenant AND s.ref = j.value AND s.state = 'applied'
   AND (s.has_text = 1 OR (s.kind = 'crm.outcome' AND EXISTS (
        SELECT 1 FROM signal w WHERE w.lead_id = s.lead_id AND w.has_text = 1 AND w.state = 'applied')))
    ON CONFLICT (lead_id) DO UPDATE SET mark = mark + 1;

-- mark_renewed --
-- A lead with other signals than before, or one that asked to be forgotten.
INSERT INTO memory_due (lead_id, tenant, region, mark)
SELECT :lead, :tenant, :region, 1
 WHERE EXISTS (SELECT 1 FROM signal s WHERE s.lead_id = :lead AND s.tenant = :tenant AND s.has_text = 1)
    ON CONFLICT (lead_id) DO UPDATE SET mark = mark + 1;

-- memory_places --
SELECT DISTINCT tenant, region FROM memory_due;

-- memory_due --
SELECT lead_id, mark FROM memory_due WHERE tenant = :tenant AND region = :region ORDER BY lead_id LIMIT :limit;

-- memory_done --
DELETE FROM memory_due WHERE lead_id = :lead AND tenant = :tenant AND mark = :mark;

-- ============================================================ what is to be done for a lead

-- texts_to_keep --
SELECT s.ref, s.occurred, s.body FROM lead l JOIN signal s ON s.lead_id = l.lead_id
 WHERE l.lead_id = :lead AND l.tenant = :tenant AND l.suppressed = 0 AND s.has_text = 1 AND s.state = 'applied'
   AND NOT EXISTS (SELECT 1 FROM memory_text t WHERE t.tenant = s.tenant AND t.ref = s.ref AND t.state <> 'given')
 ORDER BY s.occurred DESC LIMIT :limit;

-- texts_kept --
SELECT s.ref, s.occurred, t.won, t.outcome_at FROM signal s JOIN memory_text t ON t.tenant = s.tenant AND t.ref = s.ref
 WHERE s.lead_id = :lead AND s.tenant = :tenant AND s.has_text = 1 AND s.state = 'applied' AND t.state = 'kept';

-- texts_to_drop --
-- Of a lead that asked to be forgotten all; else what was applied once and is not any more.
SELECT t.ref FROM lead l JOIN signal s INDEXED BY signal_lead ON s.lead_id = l.lead_id
  JOIN memory_text t ON t.tenant = s.tenant AND t.ref = s.ref
 WHERE l.lead_id = :lead AND l.tenant = :tenant AND (l.suppressed = 1 OR s.state <> 'applied') AND t.state <> 'none';

-- outcomes_of_lead --
SELECT occurred, known, ref, body FROM signal INDEXED BY signal_lead
 WHERE lead_id = :lead AND tenant = :tenant AND kind = 'crm.outcome' AND state = 'applied' ORDER BY occurred, ref;

-- give_text --
INSERT INTO memory_text (tenant, region, ref, state) VALUES (:tenant, :region, :ref, :state)
    ON CONFLICT (tenant, ref) DO NOTHING;

-- close_text --
UPDATE memory_text SET won = :won, outcome_at = :at WHERE tenant = :tenant AND ref = :ref;

-- keep_text --
UPDATE memory_text SET state = 'kept' WHERE tenant = :tenant AND ref = :ref AND state = 'given';

-- drop_text --
DELETE FROM memory_text WHERE tenant = :tenant AND ref = :ref;

-- ============================================================ recall

-- texts_known --
SELECT s.ref FROM lead l JOIN signal s ON s.lead_id = l.lead_id
  JOIN memory_text t ON t.tenant = s.tenant AND t.ref = s.ref
 WHERE l.lead_id = :lead AND l.tenant = :tenant AND l.suppressed = 0
   AND s.has_text = 1 AND s.state = 'applied' AND t.state = 'kept'
   AND s.occurred < :before
 ORDER BY s.occurred DESC LIMIT :limit;

-- texts_of_refs --
SELECT s.body FROM json_each(:refs) j CROSS JOIN signal s
 WHERE s.tenant = :tenant AND s.ref = j.value AND s.lead_id = :lead AND s.state = 'applied';

-- cases_before --
SELECT ref FROM memory_text
 WHERE tenant = :tenant AND region = :region AND outcome_at IS NOT NULL AND outcome_at < :before LIMIT :floor;

-- cases_of_refs --
SELECT s.ref, s.lead_id, l.account, t.won, s.tags
  FROM json_each(:refs) j CROSS JOIN memory_text t
  JOIN signal s ON s.tenant = t.tenant AND s.ref = t.ref
  JOIN lead l ON l.lead_id = s.lead_id
 WHERE t.tenant = :tenant AND t.ref = j.value AND t.region = :region AND t.state = 'kept'
   AND t.outcome_at IS NOT NULL AND t.outcome_at < :before
   AND s.state = 'applied' AND l.live = 1 AND l.suppressed = 0;

-- ============================================================ the book

-- memory_book --
SELECT book FROM memory_book WHERE tenant = :tenant AND region = :region;

-- keep_book --
INSERT INTO memory_book (tenant, region, book) VALUES (:tenant, :region, :book)
    ON CONFLICT (tenant, region) DO UPDATE SET book = excluded.book;

-- forget_book --
DELETE FROM memory_text WHERE tenant = :tenant AND region = :region;

-- mark_all_spoken --
INSERT INTO memory_due (lead_id, tenant, region, mark)
SELECT DISTINCT lead_id, tenant, region, 1 FROM signal
 WHERE tenant = :tenant AND region = :region AND has_text = 1 AND state = 'applied'
    ON CONFLICT (lead_id) DO UPDATE SET mark = mark + 1;

-- memory_tally --
SELECT (SELECT count(*) FROM memory_text
         WHERE tenant = :tenant AND region = :region AND state = 'kept') AS texts,
       (SELECT count(*) FROM memory_text
         WHERE tenant = :tenant AND region = :region AND outcome_at IS NOT NULL) AS cases,
       (SELECT count(*) FROM memory_due WHERE tenant = :tenant AND region = :region) AS due;
