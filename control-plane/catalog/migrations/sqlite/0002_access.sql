-- Who may use what: people and their memberships, and the API keys of an organization.

CREATE TABLE users (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL UNIQUE,
  email      TEXT NOT NULL,  -- or ''
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE memberships (
  user_id         INTEGER NOT NULL REFERENCES users (id),
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  role            TEXT NOT NULL CHECK (role IN ('member', 'admin')),
  PRIMARY KEY (user_id, organization_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_of_organization ON memberships (organization_id);

-- A token is an organization's own, with a role, or a user's, whose memberships say what it
-- reaches; a user's may be restricted to one organization. Those from before are organizations'.
CREATE TABLE new_tokens (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id         INTEGER REFERENCES users (id),
  organization_id INTEGER REFERENCES organizations (id),
  name            TEXT NOT NULL,
  role            TEXT CHECK (role IN ('member', 'admin')),
  sha256          BLOB NOT NULL UNIQUE,
  created_at      INTEGER NOT NULL,
  revoked_at      INTEGER,
  CHECK (user_id IS NOT NULL OR organization_id IS NOT NULL),
  CHECK ((user_id IS NULL) = (role IS NOT NULL))
) STRICT;
INSERT INTO new_tokens (id, organization_id, name, role, sha256, created_at, revoked_at)
  SELECT id, organization_id, name, role, sha256, created_at, revoked_at FROM tokens;
DROP TABLE tokens;
ALTER TABLE new_tokens RENAME TO tokens;
CREATE UNIQUE INDEX tokens_live_name ON tokens (organization_id, name)
  WHERE revoked_at IS NULL AND user_id IS NULL;
CREATE UNIQUE INDEX tokens_live_name_of_user ON tokens (user_id, name)
  WHERE revoked_at IS NULL AND user_id IS NOT NULL;

-- A public key is no secret and can be read again; of a private one only the hash is here.
CREATE TABLE api_keys (
  id              TEXT PRIMARY KEY,
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  name            TEXT NOT NULL,
  type            TEXT NOT NULL CHECK (type IN ('private', 'public')),
  key             TEXT,
  sha256          BLOB NOT NULL UNIQUE,
  created_at      INTEGER NOT NULL,
  revoked_at      INTEGER,
  CHECK ((type = 'public') = (key IS NOT NULL))
) STRICT;
CREATE INDEX api_keys_of_organization ON api_keys (organization_id, type);
