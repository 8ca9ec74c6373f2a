-- Which process does the work that only one may do at a time (catalog/leases.h). The fence rises each time
-- that the lease is taken. expires_at is milliseconds of Unix time, by the database's clock.
CREATE TABLE leases (
  work       text COLLATE "C" PRIMARY KEY,
  holder     text COLLATE "C" NOT NULL,
  fence      bigint NOT NULL,
  expires_at bigint NOT NULL
);
