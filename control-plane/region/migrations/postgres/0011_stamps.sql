-- A random number that changes whenever the values of a version are written or encrypted again
-- (StampedVersion in region/region_store.h). The default is for existing rows, and for a server of an
-- earlier release that still writes.
ALTER TABLE set_versions ADD COLUMN stamp bigint NOT NULL
  DEFAULT hashtextextended(gen_random_uuid()::text, 0);
