-- The highest fence of the region's provisioner that this store has seen (region/region_store.h).
CREATE TABLE fence (
  id     bigint PRIMARY KEY CHECK (id = 1),
  number bigint NOT NULL
);
