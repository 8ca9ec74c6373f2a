-- When a value was written, and by whom ("token ci (12)"). NULL: before this release.
ALTER TABLE set_values ADD COLUMN written_at bigint;
ALTER TABLE set_values ADD COLUMN author text COLLATE "C";
