-- The last use of each credential (region/credential_uses.h). `used_at` is the beginning of its hour.
CREATE TABLE credential_uses (
  kid      TEXT PRIMARY KEY,
  agent_id INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  used_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX credential_uses_of_agent ON credential_uses (agent_id);
