-- Null: a credential without an expiry. From this time on requests with it are refused.
ALTER TABLE credentials ADD COLUMN expires_at INTEGER;
