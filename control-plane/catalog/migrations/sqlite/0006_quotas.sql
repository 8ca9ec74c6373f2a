-- What a set takes of its organization's quotas (docs/limits.md): the keys of its newest version, and the bytes of all
-- values that are stored, those of older versions included.
ALTER TABLE sets ADD COLUMN live_keys INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sets ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE sets SET
  live_keys = (SELECT count(*) FROM set_values v WHERE v.set_id = sets.id AND v.removed_by IS NULL),
  stored_bytes = (SELECT coalesce(sum(length(CAST(v.key AS BLOB)) + length(v.box)), 0)
                    FROM set_values v WHERE v.set_id = sets.id);

-- The highest sequence of the deleted agents whose rows are gone: a new agent's sequences begin above it.
ALTER TABLE organizations ADD COLUMN sequence_floor INTEGER NOT NULL DEFAULT 0;
