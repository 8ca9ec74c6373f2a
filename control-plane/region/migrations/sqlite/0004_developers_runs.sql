-- 1: a developer's run (region/instances.h), which counts for a day after its start.
ALTER TABLE instances ADD COLUMN developers_run INTEGER NOT NULL DEFAULT 0;
CREATE INDEX instances_developers ON instances (last_heard) WHERE developers_run = 1;
