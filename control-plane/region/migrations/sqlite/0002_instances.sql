-- What the region hears of instances (region/instances.h). Times are milliseconds of Unix time.

CREATE TABLE instances (
  agent_id        INTEGER NOT NULL REFERENCES agents (id),
  instance        TEXT NOT NULL,
  sequence        INTEGER NOT NULL,
  kid             TEXT NOT NULL,
  active_sessions INTEGER NOT NULL,
  first_seen      INTEGER NOT NULL,
  since           INTEGER NOT NULL,
  last_heard      INTEGER NOT NULL,
  watched         INTEGER NOT NULL,
  PRIMARY KEY (agent_id, instance, sequence)
) STRICT;
CREATE INDEX instances_watched ON instances (last_heard) WHERE watched = 1;

CREATE TABLE listening (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  since INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT;
