-- The highest fence of the region's provisioner that this store has seen (region/region_store.h).
CREATE TABLE fence (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  number INTEGER NOT NULL
) STRICT;
