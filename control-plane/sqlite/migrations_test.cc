#include "control-plane/sqlite/migrations.h"

#include <filesystem>

#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

const Migration kFirst{"0001_first",
                       "CREATE TABLE first (x INTEGER); INSERT INTO first VALUES (7)"};
const Migration kSecond{"0002_second", "CREATE TABLE second (y INTEGER)"};
const Migration kBroken{"0002_broken", "CREATE TABLE second (y INTEGER); SELECT nonsense"};

std::int64_t count(SqliteConnection& connection, const char* sql) {
  auto counted = connection.read("count", [&]() -> Result<std::int64_t> {
    auto row = connection.query(sql);
    row.step();
    return row.integer(0);
  });
  REQUIRE(counted);
  return *counted;
}

std::unique_ptr<SqliteConnection> open(const std::string& path) {
  auto connection = SqliteConnection::open(path);
  REQUIRE(connection);
  return std::move(*connection);
}

}  // namespace

TEST_CASE("migrations run once, in order") {
  const TemporaryDirectory directory;
  auto connection = open(directory.path("a.db"));
  REQUIRE(migrate(*connection, {kFirst, kSecond}));
  REQUIRE(migrate(*connection, {kFirst, kSecond}));
  CHECK(count(*connection, "SELECT count(*) FROM first") == 1);
  CHECK(count(*connection, "PRAGMA user_version") == 2);
}

TEST_CASE("a migration that fails leaves the schema before it") {
  const TemporaryDirectory directory;
  auto connection = open(directory.path("a.db"));
  CHECK_FALSE(migrate(*connection, {kFirst, kBroken}));
  CHECK(count(*connection, "PRAGMA user_version") == 1);
  CHECK(count(*connection, "SELECT count(*) FROM sqlite_schema WHERE name = 'second'") == 0);
}

TEST_CASE("a database with data is copied before it is migrated") {
  const TemporaryDirectory directory;
  auto connection = open(directory.path("a.db"));
  REQUIRE(migrate(*connection, {kFirst}));
  CHECK_FALSE(std::filesystem::exists(directory.path("a.db.schema-0")));
  REQUIRE(migrate(*connection, {kFirst, kSecond}));
  struct stat facts{};
  REQUIRE(::stat(directory.path("a.db.schema-1").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  auto copy = open(directory.path("a.db.schema-1"));
  CHECK(count(*copy, "SELECT x FROM first") == 7);
  CHECK(count(*copy, "PRAGMA user_version") == 1);
}

TEST_CASE("a schema of a newer version is refused, with what to do") {
  const TemporaryDirectory directory;
  auto connection = open(directory.path("a.db"));
  REQUIRE(migrate(*connection, {kFirst, kSecond}));
  const auto refused = migrate(*connection, {kFirst});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("written by a newer version") != std::string::npos);
  CHECK_FALSE(refused.error().hint.empty());
}

TEST_CASE("a transaction that fails or throws leaves nothing behind") {
  const TemporaryDirectory directory;
  auto connection = open(directory.path("a.db"));
  REQUIRE(migrate(*connection, {kFirst}));
  CHECK_FALSE(connection->write("refuse", [&]() -> Result<void> {
    connection->query("DELETE FROM first").run();
    return fail(ErrorCode::invalid, "no");
  }));
  const auto thrown = connection->write("break", [&]() -> Result<void> {
    connection->query("DELETE FROM first").run();
    connection->execute("SELECT nonsense");
    return {};
  });
  REQUIRE_FALSE(thrown);
  CHECK(thrown.error().message.starts_with("break: "));
  CHECK(count(*connection, "SELECT count(*) FROM first") == 1);
}

TEST_CASE("what is not a database is refused with what to do") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path("a.db"));
  CHECK_FALSE(SqliteConnection::open(directory.path("a.db")));
  CHECK_FALSE(SqliteConnection::open(directory.path("missing/a.db")).error().hint.empty());
}

}  // namespace agent_secrets::control_plane
