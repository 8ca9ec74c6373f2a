#pragma once
// The databases that tests run on: a new SQLite file, and a new schema of the PostgreSQL server
// that script/with-postgresql has started. Without that server, tests of both run on SQLite alone,
// and tests of PostgreSQL alone do nothing.

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sodium.h>

#include "control-plane/database/migrations.h"
#include "control-plane/database/postgres_database.h"
#include "control-plane/database/sqlite_database.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {

// Empty without a server.
inline std::string test_postgres_url() {
  const char* url = std::getenv("AGENT_SECRETS_TEST_POSTGRESQL");
  return url == nullptr ? "" : url;
}

// A schema of its own, so that tests side by side do not meet; none without a server.
inline std::optional<PostgresOptions> new_postgres_schema() {
  if (test_postgres_url().empty()) return std::nullopt;
  auto options = parse_postgres_url(
      test_postgres_url(),
      fmt::format("test-{:08x}{:08x}", randombytes_random(), randombytes_random()), false);
  REQUIRE(options);
  return std::move(*options);
}

inline Result<void> migrate(const PostgresOptions& options,
                            const std::vector<Migration>& migrations) {
  PostgresPool pool(options);
  return migrate(pool, migrations);
}

// Runs SQL in the schema, as an operator does with psql.
inline void run_script(const PostgresOptions& options, const std::string& sql) {
  const auto connection = PostgresConnection::open(options);
  REQUIRE(connection);
  (*connection)->script(fmt::format("SET search_path = \"{}\"; {}", options.schema, sql).c_str());
}

enum class TestedDatabase : std::uint8_t { sqlite, postgres };

inline std::vector<TestedDatabase> tested_databases() {
  std::vector<TestedDatabase> tested{TestedDatabase::sqlite};
  if (!test_postgres_url().empty()) tested.push_back(TestedDatabase::postgres);
  return tested;
}

// A test case that makes one runs once for each database.
class TestDatabase {
 public:
  // A script of one migration for each.
  TestDatabase(const char* sqlite, const char* postgres)
      : kind_(GENERATE(from_range(tested_databases()))) {
    if (kind_ == TestedDatabase::sqlite) {
      auto opened = SqliteDatabase::open(directory_.path("test.db"));
      REQUIRE(opened);
      REQUIRE(migrate(**opened, {{"0001_test", sqlite}}));
      database_ = std::move(*opened);
    } else {
      const auto options = new_postgres_schema();
      REQUIRE(migrate(*options, {{"0001_test", postgres}}));
      auto opened = PostgresDatabase::open(*options);
      REQUIRE(opened);
      database_ = std::move(*opened);
    }
  }
  Database& operator*() { return *database_; }
  Database* operator->() { return database_.get(); }
  [[nodiscard]] TestedDatabase kind() const { return kind_; }

 private:
  TestedDatabase kind_;
  TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
};

}  // namespace agent_secrets::control_plane
