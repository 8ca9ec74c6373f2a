-- The role `viewer`. A CHECK cannot be changed in place, so the two tables with roles are made anew.
CREATE TABLE new_memberships (
  user_id         INTEGER NOT NULL REFERENCES users (id),
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  role            TEXT NOT NULL CHECK (role IN ('viewer', 'member', 'admin')),
  PRIMARY KEY (user_id, organization_id)
) STRICT, WITHOUT ROWID;
INSERT INTO new_memberships (user_id, organization_id, role)
  SELECT user_id, organization_id, role FROM memberships;
DROP TABLE memberships;
ALTER TABLE new_memberships RENAME TO memberships;
CREATE INDEX memberships_of_organization ON memberships (organization_id);

CREATE TABLE new_tokens (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id         INTEGER REFERENCES users (id),
  organization_id INTEGER REFERENCES organizations (id),
  name            TEXT NOT NULL,
  role            TEXT CHECK (role IN ('viewer', 'member', 'admin')),
  sha256          BLOB NOT NULL UNIQUE,
  created_at      INTEGER NOT NULL,
  revoked_at      INTEGER,
  CHECK (user_id IS NOT NULL OR organization_id IS NOT NULL),
  CHECK ((user_id IS NULL) = (role IS NOT NULL))
) STRICT;
INSERT INTO new_tokens (id, user_id, organization_id, name, role, sha256, created_at, revoked_at)
  SELECT id, user_id, organization_id, name, role, sha256, created_at, revoked_at FROM tokens;
-- The ids of deleted tokens are not used again either.
DELETE FROM sqlite_sequence WHERE name = 'new_tokens';
INSERT INTO sqlite_sequence (name, seq)
  SELECT 'new_tokens', seq FROM sqlite_sequence WHERE name = 'tokens';
DROP TABLE tokens;
ALTER TABLE new_tokens RENAME TO tokens;
CREATE UNIQUE INDEX tokens_live_name ON tokens (organization_id, name)
  WHERE revoked_at IS NULL AND user_id IS NULL;
CREATE UNIQUE INDEX tokens_live_name_of_user ON tokens (user_id, name)
  WHERE revoked_at IS NULL AND user_id IS NOT NULL;
