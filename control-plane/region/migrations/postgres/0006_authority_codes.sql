-- The authority codes of snapshots and credentials (keys/authority.h). Null: the row has none, and gives no
-- right. The code of an agent is also that of its rows in agent_sets.
ALTER TABLE agents ADD COLUMN code bytea;
ALTER TABLE credentials ADD COLUMN code bytea;
