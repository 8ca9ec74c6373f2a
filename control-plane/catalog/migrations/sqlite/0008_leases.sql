-- Which process does the work that only one may do at a time (catalog/leases.h). The fence rises each time
-- that the lease is taken. expires_at is milliseconds of Unix time, by the database's clock.
CREATE TABLE leases (
  work       TEXT PRIMARY KEY,
  holder     TEXT NOT NULL,
  fence      INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
