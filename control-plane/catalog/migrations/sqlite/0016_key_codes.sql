-- The authority code of a key's id, purpose and state (keys/stored_keys.h).
ALTER TABLE keys ADD COLUMN code BLOB;
