-- In which order deploy commands were asked for. Those from before this schema come first.
ALTER TABLE rollouts ADD COLUMN place INTEGER NOT NULL DEFAULT 0;

-- A removed organization or region whose agents have been deleted stays as a row, because the rows of its
-- agents do (see `agents`); it is listed and found nowhere. Null: it is not removed.
ALTER TABLE organizations ADD COLUMN removed_at INTEGER;
ALTER TABLE regions ADD COLUMN removed_at INTEGER;

-- The name that `init` gave to the first region said where Pipecat Cloud's region of this code is, not where
-- this one is. `region rename` gives it another.
UPDATE regions SET display_name = code WHERE code = 'us-west' AND display_name = 'US West (Oregon)';
