-- The role `viewer`. Servers of the version before know only `admin` and `member`; they take a viewer for a
-- member, and enforce no role.
ALTER TABLE memberships DROP CONSTRAINT memberships_role_check;
ALTER TABLE memberships ADD CONSTRAINT memberships_role_check CHECK (role IN ('viewer', 'member', 'admin'));
ALTER TABLE tokens DROP CONSTRAINT tokens_role_check;
ALTER TABLE tokens ADD CONSTRAINT tokens_role_check CHECK (role IN ('viewer', 'member', 'admin'));
