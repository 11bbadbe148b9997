-- The embedded CRM. Times are instants (microseconds since 1970).

CREATE TABLE IF NOT EXISTS record (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant         TEXT NOT NULL,
    lead_id        TEXT,                        -- our id of the lead for which it was made; NULL if a person made it
    owner          TEXT NOT NULL DEFAULT '',
    team           TEXT NOT NULL DEFAULT '',
    fields         TEXT NOT NULL DEFAULT '{}',  -- JSON: name to text
    revision       INTEGER NOT NULL DEFAULT 0,  -- grows with each write that changes something
    human_touch_at INTEGER,
    do_not_contact INTEGER NOT NULL DEFAULT 0,
    deleted        INTEGER NOT NULL DEFAULT 0,
    merged_into    INTEGER REFERENCES record (id),
    UNIQUE (tenant, lead_id)
);

-- How a record is found: our ids (kind `lead`) and the lead's other keys.
CREATE TABLE IF NOT EXISTS link (
    tenant TEXT NOT NULL,
    kind   TEXT NOT NULL,
    value  TEXT NOT NULL,
    record INTEGER NOT NULL REFERENCES record (id),
    PRIMARY KEY (tenant, kind, value)
) WITHOUT ROWID;

-- Tasks, notes and notifications.
CREATE TABLE IF NOT EXISTS item (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    what   TEXT NOT NULL CHECK (what IN ('task', 'note', 'notification')),
    record INTEGER NOT NULL REFERENCES record (id),
    params TEXT NOT NULL,
    open   INTEGER NOT NULL DEFAULT 1           -- 0: closed, or removed
);
CREATE INDEX IF NOT EXISTS item_of_record ON item (record, what);

CREATE TABLE IF NOT EXISTS membership (
    record    INTEGER NOT NULL REFERENCES record (id),
    programme TEXT NOT NULL,
    PRIMARY KEY (record, programme)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS conversation (
    tenant TEXT NOT NULL,
    ref    TEXT NOT NULL,                       -- its id as the lead's key names it, or that of the record
    state  TEXT NOT NULL,                       -- JSON: owner, queue, priority
    PRIMARY KEY (tenant, ref)
) WITHOUT ROWID;

-- One row per request that was applied, written in the transaction that applied it. `nth` is 0 unless the CRM was told
-- to behave like one that does not know keys: then the same key again is applied again, and shows.
CREATE TABLE IF NOT EXISTS ledger (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    key     TEXT NOT NULL,
    nth     INTEGER NOT NULL DEFAULT 0,
    tenant  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    record  INTEGER,
    params  TEXT NOT NULL,
    receipt TEXT NOT NULL,
    at      INTEGER NOT NULL,
    UNIQUE (key, nth)
);
