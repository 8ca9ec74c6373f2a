-- Who protected a set (describe() in model/actor.h); null: it is not protected.
ALTER TABLE sets ADD COLUMN protected_by text COLLATE "C";

-- The sets that an agent has had. The pins of old deployments are deleted; these rows stay. A server of the
-- version before writes only pins, so both are asked.
CREATE TABLE set_bindings (
  agent_id bigint NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  set_id   bigint NOT NULL REFERENCES sets (id) ON DELETE CASCADE,
  PRIMARY KEY (agent_id, set_id)
);
CREATE INDEX set_bindings_of_set ON set_bindings (set_id);
INSERT INTO set_bindings (agent_id, set_id)
  SELECT DISTINCT d.agent_id, p.set_id
    FROM deployment_pins p
    JOIN deployments d ON d.id = p.deployment_id
    JOIN sets s ON s.id = p.set_id;
