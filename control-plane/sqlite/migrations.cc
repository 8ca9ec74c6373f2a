#include "control-plane/sqlite/migrations.h"

#include <fmt/format.h>

namespace agent_secrets::control_plane {
namespace {

std::size_t schema_version(SqliteConnection& connection) {
  auto query = connection.query("PRAGMA user_version");
  query.step();
  return static_cast<std::size_t>(query.integer(0));
}

Result<void> check_not_newer(const SqliteConnection& connection, std::size_t found,
                             std::size_t known) {
  if (found <= known) return {};
  return fail(ErrorCode::failed,
              fmt::format("{}: written by a newer version (schema {}, this one knows {})",
                          connection.path(), found, known),
              "run the newer version, or restore the copy it made before migrating");
}

// Reads the version again inside the transaction: another process may have been quicker.
Result<void> migrate_to(SqliteConnection& connection, std::size_t version,
                        const Migration& migration) {
  return connection.write(fmt::format("migration {}", migration.name), [&]() -> Result<void> {
    if (schema_version(connection) >= version) return {};
    connection.execute(migration.sql);
    connection.execute(fmt::format("PRAGMA user_version = {}", version).c_str());
    return {};
  });
}

}  // namespace

Result<void> migrate(SqliteConnection& connection, const std::vector<Migration>& migrations) {
  auto found = connection.read("read schema version",
                               [&]() -> Result<std::size_t> { return schema_version(connection); });
  if (!found) return propagate(found);
  if (auto ok = check_not_newer(connection, *found, migrations.size()); !ok) return ok;
  // Not earlier: the journal's mode stands in the file, and a newer version's file is not ours.
  if (auto ok = connection.use_write_ahead_log(); !ok) return ok;
  if (*found > 0 && *found < migrations.size()) {
    auto copied = connection.copy_to(fmt::format("{}.schema-{}", connection.path(), *found));
    if (!copied) return propagate(copied, "copy before migrating");
  }
  for (std::size_t version = *found + 1; version <= migrations.size(); ++version) {
    auto done = migrate_to(connection, version, migrations[version - 1]);
    if (!done) return done;
  }
  return {};
}

}  // namespace agent_secrets::control_plane
