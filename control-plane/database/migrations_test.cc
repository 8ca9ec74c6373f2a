#include "control-plane/database/migrations.h"

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

// `sql` names its one column n.
std::int64_t count(SqliteDatabase& database, const Sql& sql) {
  auto counted = database.read("count", [&](Transaction& tx) -> Result<std::int64_t> {
    return tx.query(sql).front().integer("n");
  });
  REQUIRE(counted);
  return *counted;
}

std::unique_ptr<SqliteDatabase> open(const std::string& path) {
  auto database = SqliteDatabase::open(path);
  REQUIRE(database);
  return std::move(*database);
}

}  // namespace

TEST_CASE("migrations run once, in order") {
  const TemporaryDirectory directory;
  auto database = open(directory.path("a.db"));
  REQUIRE(migrate(*database, {kFirst, kSecond}));
  REQUIRE(migrate(*database, {kFirst, kSecond}));
  CHECK(count(*database, "SELECT count(*) AS n FROM first") == 1);
  CHECK(database->schema_version() == 2);
}

TEST_CASE("a migration that fails leaves the schema before it") {
  const TemporaryDirectory directory;
  auto database = open(directory.path("a.db"));
  CHECK_FALSE(migrate(*database, {kFirst, kBroken}));
  CHECK(database->schema_version() == 1);
  CHECK(count(*database, "SELECT count(*) AS n FROM sqlite_schema WHERE name = 'second'") == 0);
}

TEST_CASE("a database with data is copied before it is migrated") {
  const TemporaryDirectory directory;
  auto database = open(directory.path("a.db"));
  REQUIRE(migrate(*database, {kFirst}));
  CHECK_FALSE(std::filesystem::exists(directory.path("a.db.schema-0")));
  REQUIRE(migrate(*database, {kFirst, kSecond}));
  struct stat facts{};
  REQUIRE(::stat(directory.path("a.db.schema-1").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  auto copy = open(directory.path("a.db.schema-1"));
  CHECK(count(*copy, "SELECT x AS n FROM first") == 7);
  CHECK(copy->schema_version() == 1);
}

TEST_CASE("a schema of a newer version is refused, with what to do") {
  const TemporaryDirectory directory;
  auto database = open(directory.path("a.db"));
  REQUIRE(migrate(*database, {kFirst, kSecond}));
  const auto refused = migrate(*database, {kFirst});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("written by a newer version") != std::string::npos);
  CHECK_FALSE(refused.error().hint.empty());
}

TEST_CASE("a transaction that fails or throws leaves nothing behind") {
  const TemporaryDirectory directory;
  auto database = open(directory.path("a.db"));
  REQUIRE(migrate(*database, {kFirst}));
  CHECK_FALSE(database->write("refuse", [](Transaction& tx) -> Result<void> {
    tx.execute("DELETE FROM first");
    return fail(ErrorCode::invalid, "no");
  }));
  const auto thrown = database->write("break", [](Transaction& tx) -> Result<void> {
    tx.execute("DELETE FROM first");
    tx.execute("SELECT nonsense");
    return {};
  });
  REQUIRE_FALSE(thrown);
  CHECK(thrown.error().message.starts_with("break: "));
  CHECK(count(*database, "SELECT count(*) AS n FROM first") == 1);
}

TEST_CASE("what is not a database is refused with what to do") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path("a.db"));
  CHECK_FALSE(SqliteDatabase::open(directory.path("a.db")));
  CHECK_FALSE(SqliteDatabase::open(directory.path("missing/a.db")).error().hint.empty());
}

}  // namespace agent_secrets::control_plane
