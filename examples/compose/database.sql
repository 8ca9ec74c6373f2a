-- The database's image runs this file once, if its volume is empty. The file makes the role of the servers, and its
-- database. The role is no superuser. It owns its database, so it can make the schemas in it.
\set password `cat /run/secrets/database-password`
CREATE ROLE secrets LOGIN PASSWORD :'password';
CREATE DATABASE secrets OWNER secrets;
REVOKE CONNECT, TEMPORARY ON DATABASE secrets FROM PUBLIC;
