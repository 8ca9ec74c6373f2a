-- Who protected a set (describe() in model/actor.h); null: it is not protected.
ALTER TABLE sets ADD COLUMN protected_by TEXT;

-- The sets that an agent has had. The pins of old deployments are deleted; these rows stay.
CREATE TABLE set_bindings (
  agent_id INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  set_id   INTEGER NOT NULL REFERENCES sets (id) ON DELETE CASCADE,
  PRIMARY KEY (agent_id, set_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX set_bindings_of_set ON set_bindings (set_id);
INSERT INTO set_bindings (agent_id, set_id)
  SELECT DISTINCT d.agent_id, p.set_id
    FROM deployment_pins p
    JOIN deployments d ON d.id = p.deployment_id
    JOIN sets s ON s.id = p.set_id;
