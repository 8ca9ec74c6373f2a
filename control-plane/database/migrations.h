#pragma once
// The schema of a database as a list of numbered .sql files, compiled in (cmake/embed.cmake): a
// list for SQLite and a list for PostgreSQL. Each file runs once, in one transaction with the
// number that it raises, so a crash leaves the schema before it or after it. A schema that a newer
// version made is refused, because running on it would lose what this version cannot see.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "control-plane/database/database.h"
#include "control-plane/database/postgres_pool.h"
#include "control-plane/database/sqlite_database.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct Migration {
  const char* name;  // "0001_catalog"
  const char* sql;
};

struct Migrations {
  std::vector<Migration> sqlite;
  std::vector<Migration> postgres;
};

const Migrations& catalog_migrations();
const Migrations& region_migrations();

// Whether migrate() would change a database that has data.
Result<bool> has_older_schema(SqliteDatabase& database, const std::vector<Migration>& migrations);

// The number is in the file (PRAGMA user_version). A database with data is copied before: the copy
// is PATH.schema-N (0600), N being the schema that it holds.
Result<void> migrate(SqliteDatabase& database, const std::vector<Migration>& migrations);

// Makes the schema of the pool's options when it is not there; the number is in its table
// `migrations`. All files that are due run in one transaction, under a lock that ends with it: of
// several processes that start at once, one migrates, and the others wait for it. A migration waits
// up to two minutes for a table that other transactions use. It waits at most two seconds at a
// time, because later transactions wait behind it. Errors name a schema of another role, and rights
// that are missing.
Result<void> migrate(PostgresPool& pool, const std::vector<Migration>& migrations);

// The number of a schema that is there, read again. For a server that runs: another process may
// have migrated the database, or have replaced it by a copy.
Result<std::int64_t> current_schema(Database& database);

// 0: there is no schema yet. Errors name a schema of another role that ours may not use.
Result<int> schema_version(PostgresPool& pool);

// For both databases: an error when the schema `found` in `database` is newer than the newest
// `known`.
Result<void> check_not_newer(std::string_view database, int found, int known);
// For both databases: an error unless the schema `found` is the newest `known`.
Result<void> check_is_known(std::string_view database, int found, std::size_t known);

}  // namespace agent_secrets::control_plane
