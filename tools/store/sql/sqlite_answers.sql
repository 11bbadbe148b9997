-- ============================================================ answers of a language model

-- answer --
SELECT a.ciphertext, a.salt, a.commitment, a.key_id FROM answer a
 WHERE a.lead_id = :lead AND a.key = :key AND a.tenant = :tenant;

-- insert_answer --
INSERT INTO answer (tenant, region, lead_id, origin, key, at, ciphertext, salt, commitment, key_id)
VALUES (:tenant, :region, :lead, :lead, :key, :at, :ciphertext, :salt, :commitment, :key_id)
    ON CONFLICT (lead_id, key) DO NOTHING;

-- move_answers --
-- Where both leads have an answer to the same question, one of the two stays.
UPDATE OR REPLACE answer SET lead_id = :to WHERE tenant = :tenant AND lead_id = :lead;

-- return_answers --
UPDATE OR REPLACE answer SET lead_id = :lead WHERE tenant = :tenant AND origin = :lead AND lead_id <> :lead;

-- drop_answers --
DELETE FROM answer WHERE (lead_id = :lead OR origin = :lead) AND tenant = :tenant;

-- ============================================================ what was spent

-- spent --
SELECT calls, tokens, micro FROM spending WHERE tenant = :tenant AND lead_id = :lead AND day = :day;

-- add_spent --
INSERT INTO spending (tenant, region, lead_id, day, calls, tokens, micro)
VALUES (:tenant, :region, :lead, :day, :calls, :tokens, :micro)
    ON CONFLICT (tenant, lead_id, day) DO UPDATE
   SET calls = calls + excluded.calls, tokens = tokens + excluded.tokens, micro = micro + excluded.micro;
