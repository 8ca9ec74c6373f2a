-- The authority code of a row (keys/authority.h). Null: the row has none, and gives no right.
ALTER TABLE organizations ADD COLUMN code bytea;
ALTER TABLE users ADD COLUMN code bytea;
ALTER TABLE memberships ADD COLUMN code bytea;
ALTER TABLE tokens ADD COLUMN code bytea;
ALTER TABLE api_keys ADD COLUMN code bytea;
ALTER TABLE allowed_names ADD COLUMN code bytea;
ALTER TABLE sets ADD COLUMN code bytea;
ALTER TABLE set_bindings ADD COLUMN code bytea;
ALTER TABLE agents ADD COLUMN code bytea;
ALTER TABLE deployments ADD COLUMN code bytea;
ALTER TABLE credentials ADD COLUMN code bytea;
