-- The deploy command (serve --on-deploy) that an agent waits for, or that has failed; no row: nothing is
-- outstanding. A newer request takes the place of an older one, and raises the ticket: a run that answers
-- an older ticket settles nothing.
CREATE TABLE rollouts (
  agent_id INTEGER PRIMARY KEY REFERENCES agents (id),
  ticket   INTEGER NOT NULL,
  event    TEXT NOT NULL CHECK (event IN ('deploy', 'scale', 'delete')),
  failed   INTEGER NOT NULL DEFAULT 0 CHECK (failed IN (0, 1)),
  message  TEXT NOT NULL DEFAULT ''
) STRICT;

-- 0 until its command has succeeded. Without a command a deployment is rolled out when its region has it.
ALTER TABLE deployments ADD COLUMN rolled_out INTEGER NOT NULL DEFAULT 1 CHECK (rolled_out IN (0, 1));

CREATE TABLE agent_events (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  agent_id INTEGER NOT NULL REFERENCES agents (id),
  at       INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  text     TEXT NOT NULL
) STRICT;
CREATE INDEX agent_events_of_agent ON agent_events (agent_id, id);
