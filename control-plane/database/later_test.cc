// Deferred statements (Transaction::query_later and execute_later), on both databases.
#include <functional>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "control-plane/database/test_databases.h"

namespace agent_secrets::control_plane {
namespace {

constexpr Sql kAdd("INSERT INTO notes (text) VALUES (?1)");
constexpr Sql kCount("SELECT count(*) AS n FROM notes");

struct Notes {
  Result<std::int64_t> write(const std::function<Result<void>(Transaction&)>& work) {
    auto written = database->write("write notes", work);
    if (!written) return std::unexpected(std::move(written.error()));
    return count();
  }
  std::int64_t count() {
    const auto counted = database->read("count notes", [](Transaction& tx) -> Result<std::int64_t> {
      return tx.query(kCount).front().integer("n");
    });
    REQUIRE(counted);
    return *counted;
  }

  TestDatabase database{"CREATE TABLE notes (text TEXT NOT NULL UNIQUE) STRICT",
                        "CREATE TABLE notes (text text NOT NULL UNIQUE)"};
};

TEST_CASE("a deferred statement runs before the next statement", "[database]") {
  Notes notes;
  CHECK(notes.write([](Transaction& tx) -> Result<void> {
    auto before = tx.query_later(kCount);
    for (const char* text : {"one", "two", "three"}) tx.execute_later(kAdd, text);
    CHECK(tx.query(kCount).front().integer("n") == 3);
    CHECK(before.get().front().integer("n") == 0);
    return {};
  }) == 3);
}

TEST_CASE("deferred statements run when the work ends, or when rows of one are requested",
          "[database]") {
  Notes notes;
  CHECK(notes.write([](Transaction& tx) -> Result<void> {
    tx.execute_later(kAdd, "one");
    auto after = tx.query_later(kCount);
    CHECK(after.get().front().integer("n") == 1);
    tx.execute_later(kAdd, "two");
    return {};
  }) == 2);
}

TEST_CASE("the values of a deferred statement are copied", "[database]") {
  Notes notes;
  REQUIRE(notes.write([](Transaction& tx) -> Result<void> {
    std::string text = "one";
    tx.execute_later(kAdd, text);
    text = "two";
    return {};
  }));
  CHECK(notes.write([](Transaction& tx) -> Result<void> {
    tx.execute("DELETE FROM notes WHERE text = ?1", "one");
    return {};
  }) == 0);
}

TEST_CASE("a deferred statement that fails rolls the work back", "[database]") {
  Notes notes;
  CHECK_FALSE(notes.write([](Transaction& tx) -> Result<void> {
    tx.execute_later(kAdd, "one");
    tx.execute_later(kAdd, "one");
    return {};
  }));
  CHECK(notes.count() == 0);
}

TEST_CASE("work that fails leaves no effect of its deferred statements", "[database]") {
  Notes notes;
  for (const char* other : {"two", "one"}) {  // "one": the second statement fails too
    CHECK_FALSE(notes.write([&](Transaction& tx) -> Result<void> {
      tx.execute_later(kAdd, "one");
      tx.execute_later(kAdd, other);
      return fail(ErrorCode::invalid, "no");
    }));
    CHECK(notes.write([](Transaction&) -> Result<void> { return {}; }) == 0);
  }
}

TEST_CASE("a write whose work or deferred statement fails affects no concurrent write",
          "[database]") {
  constexpr int kWriters = 12;
  Notes notes;
  std::latch together(kWriters);
  std::vector<std::jthread> writers;
  std::vector<Result<void>> outcomes(kWriters);
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] {
      together.arrive_and_wait();
      outcomes[static_cast<std::size_t>(i)] =
          notes.database->write("add note", [&](Transaction& tx) -> Result<void> {
            tx.execute_later(kAdd, std::to_string(i));
            if (i % 3 == 1) tx.execute_later(kAdd, std::to_string(i));
            if (i % 3 == 2) return fail(ErrorCode::invalid, "no");
            return {};
          });
    });
  }
  writers.clear();
  for (int i = 0; i < kWriters; ++i) {
    CHECK(outcomes[static_cast<std::size_t>(i)].has_value() == (i % 3 == 0));
  }
  CHECK(notes.count() == kWriters / 3);
}

}  // namespace
}  // namespace agent_secrets::control_plane
