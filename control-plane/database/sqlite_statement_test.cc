#include "control-plane/database/sqlite_statement.h"

#include <array>
#include <memory>
#include <string>

#include <sqlite3.h>

#include "control-plane/database/failure.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

class Connection {
 public:
  Connection() { REQUIRE(sqlite3_open(":memory:", &connection_) == SQLITE_OK); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { sqlite3_close(connection_); }
  operator sqlite3*() const { return connection_; }  // NOLINT: a test

 private:
  sqlite3* connection_ = nullptr;
};

}  // namespace

TEST_CASE("values are bound as they are, also empty ones and those with a NUL") {
  const Connection connection;
  SqliteStatement statement(connection, "SELECT ?1 AS a, ?2 AS b, ?3 AS c, ?4 AS d, ?5 AS e");
  const std::string text("x\0y", 3);
  const std::array<Value, 5> values{std::string_view(), Value::Bytes(), text, std::int64_t{7},
                                    true};
  for (int run = 0; run < 2; ++run) {
    const Rows rows = statement.run(values);
    const Row row = rows.front();
    CHECK(row.text("a").empty());
    CHECK(row.blob("b").empty());
    CHECK(row.text("c") == text);
    CHECK(row.integer("d") == 7);
    CHECK(row.boolean("e"));
  }
}

TEST_CASE("a statement that fails can run again, and holds no lock meanwhile") {
  const Connection connection;
  SqliteStatement(connection, "CREATE TABLE a (number INTEGER CHECK (number > 0))").run({});
  SqliteStatement insert(connection, "INSERT INTO a (number) VALUES (?1)");
  const std::array<Value, 1> refused{std::int64_t{0}};
  CHECK_THROWS_AS(insert.run(refused), DatabaseFailure);
  const std::array<Value, 1> accepted{std::int64_t{5}};
  insert.run(accepted);
  SqliteStatement count(connection, "SELECT count(*) AS n FROM a");
  CHECK(count.run({}).front().integer("n") == 1);
  SqliteStatement(connection, "DROP TABLE a").run({});
  CHECK_THROWS_AS(SqliteStatement(connection, "SELECT 1 FROM a"), DatabaseFailure);
}

}  // namespace agent_secrets::control_plane
