#include "control-plane/database/migrations.h"

#include <fmt/format.h>

namespace agent_secrets::control_plane {

Result<void> check_not_newer(std::string_view database, int found, int known) {
  if (found <= known) return {};
  return fail(ErrorCode::failed,
              fmt::format("{}: written by a newer version (schema {}, this one knows {})", database,
                          found, known),
              "run the newer version, or restore a copy from before the migration");
}

Result<void> check_is_known(std::string_view database, int found, std::size_t known) {
  if (auto ok = check_not_newer(database, found, static_cast<int>(known)); !ok) return ok;
  if (found == static_cast<int>(known)) return {};
  return fail(ErrorCode::failed,
              fmt::format("{}: written by an older version (schema {}, this one knows {})",
                          database, found, known),
              "start and stop serve of this version: it migrates the data");
}

Result<std::int64_t> current_schema(Database& database) {
  return database.read("read the schema's number", [](Transaction& tx) -> Result<std::int64_t> {
    return tx.query({"PRAGMA user_version", "SELECT max(version) AS user_version FROM migrations"})
        .front()
        .integer("user_version");
  });
}

Result<bool> has_older_schema(SqliteDatabase& database, const std::vector<Migration>& migrations) {
  auto found = database.schema_version();
  if (!found) return propagate(found);
  return *found > 0 && *found < static_cast<int>(migrations.size());
}

Result<void> migrate(SqliteDatabase& database, const std::vector<Migration>& migrations) {
  const auto known = static_cast<int>(migrations.size());
  auto found = database.schema_version();
  if (!found) return propagate(found);
  if (auto ok = check_not_newer(database.path(), *found, known); !ok) return ok;
  // Not earlier: the journal's mode stands in the file, and a newer version's file is not ours.
  if (auto ok = database.use_write_ahead_log(); !ok) return ok;
  if (*found > 0 && *found < known) {
    auto copied = database.copy_to(fmt::format("{}.schema-{}", database.path(), *found));
    if (!copied) return propagate(copied, "copy before migrating");
  }
  for (int version = *found + 1; version <= known; ++version) {
    const Migration& migration = migrations[static_cast<std::size_t>(version) - 1];
    auto done = database.migrate_to(version, migration.name, migration.sql);
    if (!done) return done;
  }
  return {};
}

}  // namespace agent_secrets::control_plane
