-- ============================================================ conversations to be looked at

-- note_due_talk --
-- One that waits keeps its time: somebody who writes on and on does not put it off.
INSERT INTO desk_due (tenant, region, conversation, due_at, mark, attempt, code)
VALUES (:tenant, :region, :conversation, :due_at, :now, 0, '')
    ON CONFLICT (tenant, conversation) DO UPDATE SET mark = max(mark + 1, excluded.mark);

-- due_talks --
SELECT conversation, mark, attempt FROM desk_due
 WHERE tenant = :tenant AND due_at <= :now ORDER BY due_at LIMIT :limit;

-- lease_talk --
UPDATE desk_due SET due_at = :until, attempt = attempt + 1
 WHERE tenant = :tenant AND conversation = :conversation;

-- settle_talk --
DELETE FROM desk_due WHERE tenant = :tenant AND conversation = :conversation AND mark = :mark;

-- talk_again --
UPDATE desk_due SET due_at = :now, attempt = 0, code = ''
 WHERE tenant = :tenant AND conversation = :conversation AND mark > :mark;

-- put_off_talk --
UPDATE desk_due SET due_at = :until, code = :code WHERE tenant = :tenant AND conversation = :conversation;

-- talks_waiting --
SELECT count(*) AS n FROM desk_due WHERE tenant = :tenant;

-- talks_fall_due --
-- Conversations of the desk that were given to sales by an action which did not reach it.
INSERT INTO desk_due (tenant, region, conversation, due_at, mark, attempt, code)
SELECT tenant, region, conversation, :due_at, :now, 0, '' FROM talk
 WHERE action_id = :action AND +tenant = :tenant AND team = 'sales' AND released = 0
   AND substr(conversation, 1, length(:desk)) = :desk
    ON CONFLICT (tenant, conversation) DO UPDATE SET mark = max(mark + 1, excluded.mark);
