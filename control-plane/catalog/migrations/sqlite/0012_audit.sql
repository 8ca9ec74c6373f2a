-- The audit log (audit/record.h). `position`, `prev` and `hash` are null until the record is chained.
-- A record is never changed afterwards. Names are copies: what they name may be gone.
CREATE TABLE audit (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  at              INTEGER NOT NULL,
  actor_kind      TEXT NOT NULL,
  actor_id        TEXT NOT NULL,
  actor_name      TEXT NOT NULL,
  address         TEXT NOT NULL,
  organization_id INTEGER NOT NULL,  -- 0: the record is about no organization, or only its name is known
  organization    TEXT NOT NULL,
  action          TEXT NOT NULL,
  object          TEXT NOT NULL,
  detail          TEXT NOT NULL,
  outcome         TEXT NOT NULL,
  position        INTEGER UNIQUE,
  prev            BLOB,
  hash            BLOB
) STRICT;
CREATE INDEX audit_of_organization ON audit (organization, organization_id, id);
CREATE INDEX audit_not_chained ON audit (id) WHERE position IS NULL;

-- Its columns stay the same when a later migration adds one to the table.
CREATE VIEW audit_records AS
  SELECT id, at, actor_kind, actor_id, actor_name, address, organization_id, organization, action, object, detail,
         outcome, position, prev, hash
    FROM audit;

-- Signed statements about the chain (audit/checkpoint.h).
CREATE TABLE audit_checkpoints (
  size INTEGER PRIMARY KEY,
  text TEXT NOT NULL
) STRICT;
