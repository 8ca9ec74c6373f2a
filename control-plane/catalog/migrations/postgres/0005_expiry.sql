-- Null: without an expiry; not used yet. The time of the last use is that of the hour's beginning.
ALTER TABLE tokens ADD COLUMN expires_at bigint;
ALTER TABLE tokens ADD COLUMN last_used_at bigint;
ALTER TABLE api_keys ADD COLUMN expires_at bigint;
ALTER TABLE api_keys ADD COLUMN last_used_at bigint;

-- When a user's last membership in an organization ended. Tokens that the user had then do not reach the
-- organization again, also when the user is a member again.
CREATE TABLE ended_memberships (
  user_id         bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  organization_id bigint NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  ended_at        bigint NOT NULL,
  PRIMARY KEY (user_id, organization_id)
);
