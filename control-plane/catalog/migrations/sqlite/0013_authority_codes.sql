-- The authority code of a row (keys/authority.h). Null: the row has none, and gives no right.
ALTER TABLE organizations ADD COLUMN code BLOB;
ALTER TABLE users ADD COLUMN code BLOB;
ALTER TABLE memberships ADD COLUMN code BLOB;
ALTER TABLE tokens ADD COLUMN code BLOB;
ALTER TABLE api_keys ADD COLUMN code BLOB;
ALTER TABLE allowed_names ADD COLUMN code BLOB;
ALTER TABLE sets ADD COLUMN code BLOB;
ALTER TABLE set_bindings ADD COLUMN code BLOB;
ALTER TABLE agents ADD COLUMN code BLOB;
ALTER TABLE deployments ADD COLUMN code BLOB;
ALTER TABLE credentials ADD COLUMN code BLOB;
