-- The last use of each credential (region/credential_uses.h). `used_at` is the beginning of its hour.
CREATE TABLE credential_uses (
  kid      text COLLATE "C" PRIMARY KEY,
  agent_id bigint NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  used_at  bigint NOT NULL
);
CREATE INDEX credential_uses_of_agent ON credential_uses (agent_id);
