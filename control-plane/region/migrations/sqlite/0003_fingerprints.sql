-- A keyed hash of each value, by which two versions are compared key by key, also when one of them is dropped already
-- (keys/value_cipher.h). The rows take the place of the changed keys that a snapshot carried.
CREATE TABLE value_fingerprints (
  set_id      INTEGER NOT NULL,
  version     INTEGER NOT NULL,
  key         TEXT NOT NULL,
  key_id      TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  PRIMARY KEY (set_id, version, key)
) STRICT, WITHOUT ROWID;

DROP TABLE agent_changed_keys;
