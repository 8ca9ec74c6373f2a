-- What an organization defines. Ids are AUTOINCREMENT because they are never reused: they stand in
-- the associated data of encrypted values. Times are milliseconds of Unix time.

-- Data keys and signing seeds, wrapped by the master key.
CREATE TABLE keys (
  id         TEXT PRIMARY KEY,
  purpose    TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('active', 'standby', 'retired')),
  wrapped    BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX keys_one_of_a_state ON keys (purpose, state) WHERE state <> 'retired';

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE regions (
  code         TEXT PRIMARY KEY,
  display_name TEXT NOT NULL
) STRICT;

CREATE TABLE organizations (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  name           TEXT NOT NULL UNIQUE,
  verbose_name   TEXT NOT NULL,
  default_region TEXT NOT NULL REFERENCES regions (code)
) STRICT;

CREATE TABLE tokens (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  name            TEXT NOT NULL,
  role            TEXT NOT NULL CHECK (role IN ('member', 'admin')),
  sha256          BLOB NOT NULL UNIQUE,
  created_at      INTEGER NOT NULL,
  revoked_at      INTEGER
) STRICT;
CREATE UNIQUE INDEX tokens_live_name ON tokens (organization_id, name) WHERE revoked_at IS NULL;

-- `version` is the newest, whose status this is; `ready_version` the newest ready one, or 0. A
-- version below `version` that never was ready has been skipped.
CREATE TABLE sets (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  name            TEXT NOT NULL,
  type            TEXT NOT NULL CHECK (type IN ('secret', 'imagePullSecret')),
  region          TEXT NOT NULL REFERENCES regions (code),
  host            TEXT NOT NULL DEFAULT '',
  version         INTEGER NOT NULL DEFAULT 0,
  ready_version   INTEGER NOT NULL DEFAULT 0,
  status          TEXT NOT NULL DEFAULT 'ready' CHECK (status IN ('pending', 'ready', 'failed')),
  error_message   TEXT NOT NULL DEFAULT '',
  burst_since     INTEGER NOT NULL DEFAULT 0,  -- the first of the writes that are pending together
  pending_since   INTEGER NOT NULL DEFAULT 0,  -- the newest version's write
  due_at          INTEGER NOT NULL DEFAULT 0,
  UNIQUE (organization_id, name)
) STRICT;
CREATE INDEX sets_due ON sets (region, due_at) WHERE status <> 'ready';

-- A value lives from version `written_by` up to, and without, version `removed_by`.
CREATE TABLE set_values (
  set_id     INTEGER NOT NULL REFERENCES sets (id) ON DELETE CASCADE,
  key        TEXT NOT NULL,
  written_by INTEGER NOT NULL,
  removed_by INTEGER,
  position   INTEGER NOT NULL,  -- keeps the keys in the order of their first writing
  key_id     TEXT NOT NULL,
  box        BLOB NOT NULL,
  PRIMARY KEY (set_id, key, written_by)
) STRICT;
CREATE UNIQUE INDEX set_values_live ON set_values (set_id, key) WHERE removed_by IS NULL;

-- A deleted agent stays as a tombstone: its region has to learn of it, and its sequences must not
-- be used again by a later agent of the same name.
CREATE TABLE agents (
  id                 INTEGER PRIMARY KEY AUTOINCREMENT,
  organization_id    INTEGER NOT NULL REFERENCES organizations (id),
  name               TEXT NOT NULL,
  region             TEXT NOT NULL REFERENCES regions (code),
  min_agents         INTEGER NOT NULL,
  max_agents         INTEGER NOT NULL,
  deployment_id      TEXT NOT NULL,
  sequence           INTEGER NOT NULL,
  revision           INTEGER NOT NULL,
  published_revision INTEGER NOT NULL DEFAULT 0,
  deleted            INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
  created_at         INTEGER NOT NULL,
  updated_at         INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX agents_live_name ON agents (organization_id, name) WHERE deleted = 0;
CREATE INDEX agents_by_name ON agents (organization_id, name, sequence);
CREATE INDEX agents_unpublished ON agents (region, id) WHERE revision > published_revision;

CREATE TABLE deployments (
  id                    TEXT PRIMARY KEY,
  agent_id              INTEGER NOT NULL REFERENCES agents (id),
  revision              INTEGER NOT NULL,  -- of the agent, when this became its deployment
  image                 TEXT NOT NULL,
  secret_set            TEXT NOT NULL,
  image_pull_secret_set TEXT NOT NULL,
  created_at            INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX deployments_of_agent ON deployments (agent_id, revision);

CREATE TABLE deployment_settings (
  deployment_id TEXT NOT NULL REFERENCES deployments (id),
  name          TEXT NOT NULL,
  value         TEXT NOT NULL,
  PRIMARY KEY (deployment_id, name)
) STRICT;

-- No reference to `sets`: an old deployment may have pinned a set that is gone.
CREATE TABLE deployment_pins (
  deployment_id TEXT NOT NULL REFERENCES deployments (id),
  set_id        INTEGER NOT NULL,
  set_name      TEXT NOT NULL,
  version       INTEGER NOT NULL,
  PRIMARY KEY (deployment_id, set_id)
) STRICT;
CREATE INDEX deployment_pins_of_set ON deployment_pins (set_id);

CREATE TABLE credentials (
  kid          TEXT PRIMARY KEY,
  agent_id     INTEGER NOT NULL REFERENCES agents (id),
  signing_key  BLOB NOT NULL,
  box_key      BLOB NOT NULL,
  created_at   INTEGER NOT NULL,
  revoked_at   INTEGER,
  revision     INTEGER NOT NULL  -- of the agent, when this row last changed
) STRICT;
CREATE INDEX credentials_of_agent ON credentials (agent_id);

-- The set versions that a region must keep: the newest, the newest ready, and those pinned by the
-- deployment that an agent has or by the one that its region still serves.
CREATE VIEW retained_versions (region, set_id, version) AS
  SELECT region, id, version FROM sets
  UNION
  SELECT region, id, ready_version FROM sets WHERE ready_version > 0
  UNION
  SELECT a.region, p.set_id, p.version
    FROM agents a
    JOIN deployments d ON d.agent_id = a.id
    JOIN deployment_pins p ON p.deployment_id = d.id
   WHERE a.deleted = 0
     AND (d.id = a.deployment_id
          OR d.revision = (SELECT max(e.revision) FROM deployments e
                            WHERE e.agent_id = a.id AND e.revision <= a.published_revision));
