-- Which agents changed since a process last looked (region/region_store.h, changes_since). `number` is raised with
-- every change of an agent, in the same transaction, and the agent keeps the number of its last change.
CREATE TABLE changes (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  number INTEGER NOT NULL
) STRICT;
INSERT INTO changes (id, number) VALUES (1, 0);

ALTER TABLE agents ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX agents_changed ON agents (changed);
