-- The values that a later version has removed: few beside the live values of a set. Dropping them, and looking for
-- them in a region, reads no other value.
CREATE INDEX set_values_removed ON set_values (set_id, removed_by) WHERE removed_by IS NOT NULL;

-- The index of pending sets has no column that each write changes, as the time `due_at`.
DROP INDEX sets_due;
CREATE INDEX sets_pending ON sets (region, id) WHERE status <> 'ready';
