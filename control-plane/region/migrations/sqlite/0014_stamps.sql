-- A random number that changes whenever the values of a version are written or encrypted again
-- (StampedVersion in region/region_store.h).
ALTER TABLE set_versions ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0;
UPDATE set_versions SET stamp = random();
