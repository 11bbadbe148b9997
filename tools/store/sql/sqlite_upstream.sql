-- Statements about asking vendors. The rules of `sqlite.sql` hold here too.

-- ============================================================ records to be read

-- note_record --
-- One that was read after it last changed stays as it is; one on the list is asked for once, however often it is noted.
INSERT INTO record_todo (tenant, region, vendor, object, ref, key_kind, key_value, since, back_to, due_at, mark, attempt,
                         wait_until, late, read_at, code)
VALUES (:tenant, :region, :vendor, :object, :ref, :key_kind, :key_value, :since, :back_to, :now, 1, 0, :wait_until, 0, 0, '')
    ON CONFLICT (tenant, vendor, object, ref) DO UPDATE SET
       since = max(since, excluded.since),
       back_to = CASE WHEN due_at IS NULL THEN excluded.back_to ELSE min(back_to, excluded.back_to) END,
       wait_until = CASE WHEN due_at IS NULL THEN excluded.wait_until ELSE wait_until END,
       late = CASE WHEN due_at IS NULL THEN 0 ELSE late END,
       due_at = CASE WHEN due_at IS NULL THEN max(excluded.due_at, read_at + :pause) ELSE due_at END,
       mark = mark + 1
 WHERE due_at IS NOT NULL OR read_at < excluded.since + :skew;

-- due_vendors --
SELECT DISTINCT vendor FROM record_todo WHERE tenant = :tenant AND due_at <= :now;

-- due_records --
SELECT vendor, object, ref, key_kind, since, back_to, mark, attempt FROM record_todo
 WHERE tenant = :tenant AND vendor = :vendor AND due_at <= :now ORDER BY due_at LIMIT :limit;

-- lease_record --
UPDATE record_todo SET due_at = :until, attempt = attempt + 1
 WHERE tenant = :tenant AND vendor = :vendor AND object = :object AND ref = :ref;

-- settle_record --
-- Asked for again while it was being read: it is read once more.
UPDATE record_todo SET due_at = CASE WHEN mark = :mark THEN NULL ELSE :now + :pause END, attempt = 0, late = 0,
                       read_at = :read_at, code = :code
 WHERE tenant = :tenant AND vendor = :vendor AND object = :object AND ref = :ref
RETURNING key_kind, key_value;

-- late_record --
SELECT late FROM record_todo WHERE tenant = :tenant AND vendor = :vendor AND object = :object AND ref = :ref;

-- put_off_record --
UPDATE record_todo SET due_at = :until, code = :code
 WHERE tenant = :tenant AND vendor = :vendor AND object = :object AND ref = :ref AND due_at IS NOT NULL;

-- unread_keys --
SELECT key_kind, key_value, vendor, wait_until FROM record_todo INDEXED BY record_todo_key
 WHERE tenant = :tenant AND due_at IS NOT NULL AND key_value IN (SELECT value FROM json_each(:keys));

-- count_records --
SELECT vendor, count(*) AS n FROM record_todo INDEXED BY record_todo_due
 WHERE tenant = :tenant AND due_at IS NOT NULL GROUP BY vendor;

-- old_records --
-- What was read long ago, and what nobody has read for so long.
SELECT vendor, object, ref FROM record_todo INDEXED BY record_todo_read
 WHERE tenant = :tenant AND due_at IS NULL AND read_at < :before
 UNION ALL
SELECT vendor, object, ref FROM record_todo INDEXED BY record_todo_due
 WHERE tenant = :tenant AND due_at < :before LIMIT :limit;

-- drop_record --
DELETE FROM record_todo WHERE tenant = :tenant AND vendor = :vendor AND object = :object AND ref = :ref;

-- pass_record --
UPDATE record_todo SET late = 1
 WHERE tenant = :tenant AND due_at IS NOT NULL AND key_kind = :kind AND key_value = :value;

-- leads_of_key --
SELECT lead_id FROM lead_key WHERE tenant = :tenant AND kind = :kind AND value = :value AND lead_id IS NOT NULL;

-- hurry_lead --
-- One that waits for a record, not one whose runs fail.
UPDATE lead SET ready_at = :now, retry_at = :now
 WHERE lead_id = :lead AND tenant = :tenant AND live = 1 AND parked IS NULL AND lease_until = 0 AND attempt = 0
   AND ready_at > :now;

-- ============================================================ how far pollers have come

-- add_position --
INSERT INTO sync_position (tenant, region, name, position, at, due_at, lease_until, token, code)
VALUES (:tenant, :region, :name, NULL, 0, 0, 0, 0, 'new') ON CONFLICT (tenant, name) DO NOTHING;

-- take_position --
UPDATE sync_position SET lease_until = :until, token = token + 1
 WHERE tenant = :tenant AND name = :name AND lease_until <= :now AND (due_at <= :now OR :asked)
RETURNING position, token;

-- move_position --
UPDATE sync_position SET position = :position, at = :now, moved_at = :now, code = :code,
       due_at = coalesce(:due_at, due_at),
       lease_until = CASE WHEN :due_at IS NULL THEN max(lease_until, :until) ELSE 0 END
 WHERE tenant = :tenant AND name = :name AND token = :token;

-- put_off_position --
UPDATE sync_position SET at = :now, code = :code, due_at = :due_at, lease_until = 0
 WHERE tenant = :tenant AND name = :name AND token = :token;

-- due_position --
SELECT 1 FROM sync_position WHERE tenant = :tenant AND name = :name AND (due_at > :now OR lease_until > :now);

-- positions --
SELECT name, position, at, code, moved_at FROM sync_position WHERE tenant = :tenant ORDER BY name;
