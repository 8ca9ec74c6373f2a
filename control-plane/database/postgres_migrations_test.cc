// Migrations of a PostgreSQL schema.
#include <atomic>
#include <latch>
#include <thread>

#include "control-plane/database/test_databases.h"

namespace agent_secrets::control_plane {
namespace {

const Migration kFirst{"0001_first", "CREATE TABLE first (x bigint); INSERT INTO first VALUES (7)"};
const Migration kSecond{"0002_second", "CREATE TABLE second (y bigint)"};
const Migration kAlters{"0002_alters", "ALTER TABLE first ADD COLUMN y bigint"};
const Migration kBroken{"0002_broken", "CREATE TABLE second (y bigint); SELECT nonsense"};

// `sql` names its one column n.
std::int64_t number(const PostgresOptions& options, const Sql& sql) {
  const auto database = PostgresDatabase::open(options);
  REQUIRE(database);
  const auto found = (*database)->read("ask", [&](Transaction& tx) -> Result<std::int64_t> {
    return tx.query(sql).front().integer("n");
  });
  REQUIRE(found);
  return *found;
}

}  // namespace

TEST_CASE("ten first starts at once are one migration of PostgreSQL", "[database]") {
  const auto options = new_postgres_schema();
  if (!options) return;
  constexpr int kStarts = 10;
  std::latch start(kStarts);
  std::atomic<int> succeeded = 0;
  std::vector<std::jthread> threads;
  threads.reserve(kStarts);
  for (int i = 0; i < kStarts; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      if (migrate(*options, {kFirst, kSecond})) ++succeeded;
    });
  }
  threads.clear();
  CHECK(succeeded == kStarts);
  CHECK(number(*options, "SELECT count(*) AS n FROM first") == 1);
  CHECK(number(*options, "SELECT max(version) AS n FROM migrations") == 2);
}

TEST_CASE("a migration of PostgreSQL that fails leaves the schema before it", "[database]") {
  const auto options = new_postgres_schema();
  if (!options) return;
  REQUIRE(migrate(*options, {kFirst}));
  const auto failed = migrate(*options, {kFirst, kBroken});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message.starts_with("migrate the schema test-"));
  CHECK(number(*options, "SELECT max(version) AS n FROM migrations") == 1);
  REQUIRE(migrate(*options, {kFirst, kSecond}));
  CHECK(number(*options, "SELECT max(version) AS n FROM migrations") == 2);
}

TEST_CASE("other transactions can use a table while a migration waits for it", "[database]") {
  const auto options = new_postgres_schema();
  if (!options) return;
  REQUIRE(migrate(*options, {kFirst}));
  const auto holder = PostgresDatabase::open(*options);
  REQUIRE(holder);
  std::latch held(1);
  std::latch release(1);
  Result<void> migrated;
  std::jthread holding([&] {
    (void)(*holder)->read("hold a table", [&](Transaction& tx) -> Result<void> {
      (void)tx.query("SELECT x FROM first");
      held.count_down();
      release.wait();
      return {};
    });
  });
  held.wait();
  std::jthread migrating([&] { migrated = migrate(*options, {kFirst, kAlters}); });
  const Sql waiting(
      "SELECT count(*) AS n FROM pg_locks WHERE NOT granted"
      " AND relation = CAST('first' AS regclass)");
  while (number(*options, waiting) == 0) std::this_thread::yield();
  // This query waits behind the migration, and is answered before the holder releases the table.
  CHECK(number(*options, "SELECT count(*) AS n FROM first") == 1);
  CHECK(number(*options, "SELECT max(version) AS n FROM migrations") == 1);
  release.count_down();
  migrating.join();
  CHECK(migrated);
  CHECK(number(*options, "SELECT max(version) AS n FROM migrations") == 2);
}

TEST_CASE("a PostgreSQL schema of a newer version is refused, with what to do", "[database]") {
  const auto options = new_postgres_schema();
  if (!options) return;
  REQUIRE(migrate(*options, {kFirst, kSecond}));
  const auto refused = migrate(*options, {kFirst});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("written by a newer version") != std::string::npos);
  CHECK_FALSE(refused.error().hint.empty());
}

TEST_CASE("a role without the right to make a schema, or to use it, is told so", "[database]") {
  const auto options = new_postgres_schema();
  if (!options) return;
  const std::string role = options->schema + "-role";
  run_script(*options, "CREATE ROLE \"" + role + "\" LOGIN");
  PostgresOptions other = *options;
  other.parameters["user"] = role;
  const auto no_right = migrate(other, {kFirst});
  REQUIRE_FALSE(no_right);
  CHECK(no_right.error().message.find("permission denied") != std::string::npos);
  CHECK(no_right.error().hint.find("GRANT CREATE") != std::string::npos);

  REQUIRE(migrate(*options, {kFirst}));
  const auto not_usable = migrate(other, {kFirst});
  REQUIRE_FALSE(not_usable);
  CHECK(not_usable.error().message.find("belongs to the role agent_secrets") != std::string::npos);
  PostgresPool pool(other);
  CHECK(not_usable.error().message.ends_with(schema_version(pool).error().message));
  run_script(*options, "GRANT USAGE ON SCHEMA \"" + options->schema + "\" TO \"" + role +
                           "\"; GRANT SELECT ON migrations TO \"" + role + "\"");
  CHECK(migrate(other, {kFirst}));
  const auto not_owner = migrate(other, {kFirst, kSecond});
  REQUIRE_FALSE(not_owner);
  CHECK(not_owner.error().message.find("belongs to the role agent_secrets") != std::string::npos);
  CHECK_FALSE(not_owner.error().hint.empty());
}

}  // namespace agent_secrets::control_plane
