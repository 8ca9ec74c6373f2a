-- Run once by the database's image, for an empty volume: the role of the servers, and its database. The role is no
-- superuser. It owns its database, and so may make the schemas in it.
\set password `cat /run/secrets/database-password`
CREATE ROLE secrets LOGIN PASSWORD :'password';
CREATE DATABASE secrets OWNER secrets;
REVOKE CONNECT, TEMPORARY ON DATABASE secrets FROM PUBLIC;
