-- Data keys that a rotation has ended (region/reencryption.h): the store refuses values under them.
CREATE TABLE ended_data_keys (
  id text COLLATE "C" PRIMARY KEY
);

-- Find what is still under a data key that a rotation ends.
CREATE INDEX set_values_of_key ON set_values (key_id);
CREATE INDEX value_fingerprints_of_key ON value_fingerprints (key_id);
