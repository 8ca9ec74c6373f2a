-- All that the instance API of one region needs.

CREATE TABLE set_versions (
  set_id          INTEGER NOT NULL,
  version         INTEGER NOT NULL,
  organization_id INTEGER NOT NULL,
  set_name        TEXT NOT NULL,
  PRIMARY KEY (set_id, version)
) STRICT;

CREATE TABLE set_values (
  set_id     INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  key        TEXT NOT NULL,
  written_by INTEGER NOT NULL,
  key_id     TEXT NOT NULL,
  box        BLOB NOT NULL,
  PRIMARY KEY (set_id, version, key),
  FOREIGN KEY (set_id, version) REFERENCES set_versions (set_id, version) ON DELETE CASCADE
) STRICT;

CREATE TABLE agents (
  id            INTEGER PRIMARY KEY,
  revision      INTEGER NOT NULL,
  sequence      INTEGER NOT NULL,
  organization  TEXT NOT NULL,
  name          TEXT NOT NULL,
  deleted       INTEGER NOT NULL,
  deployment_id TEXT NOT NULL
) STRICT;

CREATE TABLE agent_sets (
  agent_id        INTEGER NOT NULL REFERENCES agents (id),
  set_id          INTEGER NOT NULL,
  organization_id INTEGER NOT NULL,
  name            TEXT NOT NULL,
  version         INTEGER NOT NULL,
  latest_version  INTEGER NOT NULL,
  PRIMARY KEY (agent_id, set_id)
) STRICT;

CREATE TABLE agent_changed_keys (
  agent_id INTEGER NOT NULL,
  set_id   INTEGER NOT NULL,
  key      TEXT NOT NULL,
  PRIMARY KEY (agent_id, set_id, key),
  FOREIGN KEY (agent_id, set_id) REFERENCES agent_sets (agent_id, set_id) ON DELETE CASCADE
) STRICT;

CREATE TABLE credentials (
  kid         TEXT PRIMARY KEY,
  agent_id    INTEGER NOT NULL REFERENCES agents (id),
  signing_key BLOB NOT NULL,
  box_key     BLOB NOT NULL,
  revoked     INTEGER NOT NULL
) STRICT;
CREATE INDEX credentials_of_agent ON credentials (agent_id);

-- What an agent was given at its last sequences, for instances that still run them.
CREATE TABLE releases (
  agent_id      INTEGER NOT NULL REFERENCES agents (id),
  sequence      INTEGER NOT NULL,
  deployment_id TEXT NOT NULL,
  PRIMARY KEY (agent_id, sequence)
) STRICT;

CREATE TABLE release_sets (
  agent_id        INTEGER NOT NULL,
  sequence        INTEGER NOT NULL,
  set_id          INTEGER NOT NULL,
  organization_id INTEGER NOT NULL,
  name            TEXT NOT NULL,
  version         INTEGER NOT NULL,
  PRIMARY KEY (agent_id, sequence, set_id),
  FOREIGN KEY (agent_id, sequence) REFERENCES releases (agent_id, sequence) ON DELETE CASCADE
) STRICT;
