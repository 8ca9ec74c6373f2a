#pragma once
// The schema of a database as a list of numbered .sql files, compiled in (cmake/embed.cmake). Each
// runs once, in one transaction with the number it raises (PRAGMA user_version), so a crash leaves
// the schema before it or after it. A database that already holds data is copied first; one that a
// newer version wrote is refused, because running on it would lose what this version cannot see.

#include <string>
#include <vector>

#include "control-plane/database/sqlite_database.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct Migration {
  const char* name;  // "0001_catalog"
  const char* sql;
};

const std::vector<Migration>& catalog_migrations();
const std::vector<Migration>& region_migrations();

// Whether migrate() would change a database that has data.
Result<bool> has_older_schema(SqliteDatabase& database, const std::vector<Migration>& migrations);

// The copy is PATH.schema-N (0600), N being the schema that it holds.
Result<void> migrate(SqliteDatabase& database, const std::vector<Migration>& migrations);

}  // namespace agent_secrets::control_plane
