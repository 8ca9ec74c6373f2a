-- All that the instance API of one region needs, as sqlite/*.sql make it. Types: integers, times
-- (milliseconds of Unix time) and the booleans 0 and 1 are bigint, and texts are compared byte by byte.
-- `rowid` is the order in which rows were inserted, which a table of SQLite has by itself.

CREATE TABLE set_versions (
  set_id          bigint NOT NULL,
  version         bigint NOT NULL,
  organization_id bigint NOT NULL,
  set_name        text COLLATE "C" NOT NULL,
  PRIMARY KEY (set_id, version)
);

CREATE TABLE set_values (
  set_id     bigint NOT NULL,
  version    bigint NOT NULL,
  key        text COLLATE "C" NOT NULL,
  written_by bigint NOT NULL,
  key_id     text COLLATE "C" NOT NULL,
  box        bytea NOT NULL,
  PRIMARY KEY (set_id, version, key),
  FOREIGN KEY (set_id, version) REFERENCES set_versions (set_id, version) ON DELETE CASCADE
);

-- A keyed hash of each value, by which two versions are compared key by key, also when one of them is
-- dropped already (keys/value_cipher.h).
CREATE TABLE value_fingerprints (
  set_id      bigint NOT NULL,
  version     bigint NOT NULL,
  key         text COLLATE "C" NOT NULL,
  key_id      text COLLATE "C" NOT NULL,
  fingerprint bytea NOT NULL,
  PRIMARY KEY (set_id, version, key)
);

CREATE TABLE agents (
  id            bigint PRIMARY KEY,
  revision      bigint NOT NULL,
  sequence      bigint NOT NULL,
  organization  text COLLATE "C" NOT NULL,
  name          text COLLATE "C" NOT NULL,
  deleted       bigint NOT NULL CHECK (deleted IN (0, 1)),
  deployment_id text COLLATE "C" NOT NULL
);

CREATE TABLE agent_sets (
  agent_id        bigint NOT NULL REFERENCES agents (id),
  set_id          bigint NOT NULL,
  organization_id bigint NOT NULL,
  name            text COLLATE "C" NOT NULL,
  version         bigint NOT NULL,
  latest_version  bigint NOT NULL,
  PRIMARY KEY (agent_id, set_id)
);

CREATE TABLE credentials (
  kid         text COLLATE "C" PRIMARY KEY,
  agent_id    bigint NOT NULL REFERENCES agents (id),
  signing_key bytea NOT NULL,
  box_key     bytea NOT NULL,
  revoked     bigint NOT NULL CHECK (revoked IN (0, 1)),
  rowid       bigint GENERATED ALWAYS AS IDENTITY UNIQUE
);
CREATE INDEX credentials_of_agent ON credentials (agent_id);

-- What an agent was given at its last sequences, for instances that still run them.
CREATE TABLE releases (
  agent_id      bigint NOT NULL REFERENCES agents (id),
  sequence      bigint NOT NULL,
  deployment_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (agent_id, sequence)
);

CREATE TABLE release_sets (
  agent_id        bigint NOT NULL,
  sequence        bigint NOT NULL,
  set_id          bigint NOT NULL,
  organization_id bigint NOT NULL,
  name            text COLLATE "C" NOT NULL,
  version         bigint NOT NULL,
  PRIMARY KEY (agent_id, sequence, set_id),
  FOREIGN KEY (agent_id, sequence) REFERENCES releases (agent_id, sequence) ON DELETE CASCADE
);

-- What the region hears of instances (region/instances.h). `developers_run`: counts for a day after its
-- start.
CREATE TABLE instances (
  agent_id        bigint NOT NULL REFERENCES agents (id),
  instance        text COLLATE "C" NOT NULL,
  sequence        bigint NOT NULL,
  kid             text COLLATE "C" NOT NULL,
  active_sessions bigint NOT NULL,
  first_seen      bigint NOT NULL,
  since           bigint NOT NULL,
  last_heard      bigint NOT NULL,
  watched         bigint NOT NULL CHECK (watched IN (0, 1)),
  developers_run  bigint NOT NULL DEFAULT 0 CHECK (developers_run IN (0, 1)),
  PRIMARY KEY (agent_id, instance, sequence)
);
CREATE INDEX instances_watched ON instances (last_heard) WHERE watched = 1;
CREATE INDEX instances_developers ON instances (last_heard) WHERE developers_run = 1;

CREATE TABLE listening (
  id    bigint PRIMARY KEY CHECK (id = 1),
  since bigint NOT NULL,
  until bigint NOT NULL
);
