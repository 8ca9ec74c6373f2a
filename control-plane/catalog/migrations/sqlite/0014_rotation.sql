-- When `region export-keys` last wrote the key into a file for region nodes. NULL: never.
ALTER TABLE keys ADD COLUMN exported_at INTEGER;

-- Signing keys of a region that the key before them has announced (core/key_announcement.h). They
-- stay after their key is gone, because instances with older credentials need the whole chain.
CREATE TABLE key_announcements (
  purpose      TEXT NOT NULL,
  number       INTEGER NOT NULL,  -- counts up
  announcement TEXT NOT NULL,
  PRIMARY KEY (purpose, number)
) STRICT, WITHOUT ROWID;

-- Finds the values under a data key that a rotation ends.
CREATE INDEX set_values_of_key ON set_values (key_id);
