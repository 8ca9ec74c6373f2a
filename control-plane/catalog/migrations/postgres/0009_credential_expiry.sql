-- Null: a credential without an expiry. `purpose` is 'bot', or 'develop' for the key of a developer's run
-- (catalog/develop.h). `made_by` is describe() of model/actor.h, and `made_as` the role of that actor; those of
-- older credentials were made by commands on the host.
ALTER TABLE credentials ADD COLUMN expires_at bigint;
ALTER TABLE credentials ADD COLUMN label text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN purpose text COLLATE "C" NOT NULL DEFAULT 'bot';
ALTER TABLE credentials ADD COLUMN made_by text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN made_as text COLLATE "C" NOT NULL DEFAULT 'admin';
CREATE INDEX credentials_expiring ON credentials (expires_at) WHERE expires_at IS NOT NULL;

-- Whether members may run agents with the team's values: `organization allow-develop`.
ALTER TABLE organizations ADD COLUMN members_develop bigint NOT NULL DEFAULT 0 CHECK (members_develop IN (0, 1));
