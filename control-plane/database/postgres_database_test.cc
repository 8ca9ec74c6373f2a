// What only a database on a server can meet: lost connections, lost answers, limits of the server.
#include "control-plane/database/postgres_database.h"

#include <atomic>
#include <filesystem>
#include <latch>
#include <thread>

#include "control-plane/database/test_databases.h"
#include "control-plane/database/test_postgres_proxy.h"

namespace agent_secrets::control_plane {
namespace {

const Migration kNotes{"0001_notes", "CREATE TABLE notes (text text PRIMARY KEY, at bigint)"};

std::unique_ptr<PostgresDatabase> open(const PostgresOptions& options) {
  auto opened = PostgresDatabase::open(options);
  REQUIRE(opened);
  return std::move(*opened);
}

Result<void> add(Database& database, std::string_view text, std::atomic<int>* runs = nullptr) {
  return database.write("add note", [&](Transaction& tx) -> Result<void> {
    if (runs != nullptr) ++*runs;
    tx.execute("INSERT INTO notes (text, at) VALUES (?1, 0)", text);
    return {};
  });
}

std::int64_t count(Database& database) {
  const auto counted = database.read("count notes", [](Transaction& tx) -> Result<std::int64_t> {
    return tx.query("SELECT count(*) AS n FROM notes").front().integer("n");
  });
  REQUIRE(counted);
  return *counted;
}

// As a restart of the server would do, for the connections of one test.
void end_connections(const PostgresOptions& options) {
  run_script(options,
             "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE"
             " application_name = '" +
                 options.parameters.at("application_name") + "' AND pid <> pg_backend_pid()");
}

// Returns when the server has ended them by itself.
void wait_for_end_of_connections(const PostgresOptions& options) {
  run_script(options,
             "DO $$ BEGIN FOR i IN 1..1000 LOOP PERFORM pg_stat_clear_snapshot();"
             " EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE"
             " application_name = '" +
                 options.parameters.at("application_name") +
                 "' AND pid <> pg_backend_pid());"
                 " PERFORM pg_sleep(0.01); END LOOP; END $$");
}

std::optional<PostgresOptions> notes_schema() {
  auto options = new_postgres_schema();
  if (!options) return std::nullopt;
  options->parameters["application_name"] = options->schema;
  REQUIRE(migrate(*options, {kNotes}));
  return options;
}

}  // namespace

TEST_CASE("connections that the server has ended are replaced", "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  const auto database = open(*options);
  REQUIRE(add(*database, "before"));
  end_connections(*options);
  REQUIRE(add(*database, "after"));
  CHECK(count(*database) == 2);
}

TEST_CASE("work whose connection ends in the middle runs again", "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  const auto database = open(*options);
  int runs = 0;
  REQUIRE(database->write("add two", [&](Transaction& tx) -> Result<void> {
    tx.execute("INSERT INTO notes (text) VALUES ('one')");
    if (++runs == 1) end_connections(*options);
    tx.execute("INSERT INTO notes (text) VALUES ('two')");
    return {};
  }));
  CHECK(runs == 2);
  CHECK(count(*database) == 2);
}

TEST_CASE("a commit whose answer is lost is not done twice and not reported as failed",
          "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  const PostgresProxy proxy(options->parameters.at("host"));
  PostgresOptions through = *options;
  through.parameters["host"] = proxy.directory();
  const auto database = open(through);
  REQUIRE(add(*database, "before"));
  std::atomic<int> runs = 0;
  SECTION("the server has committed") {
    proxy.break_at_commit(PostgresProxy::Break::after);
    REQUIRE(add(*database, "once", &runs));
    CHECK(runs == 1);
  }
  SECTION("the server has never seen the COMMIT") {
    proxy.break_at_commit(PostgresProxy::Break::before);
    REQUIRE(add(*database, "once", &runs));
    CHECK(runs == 2);
  }
  CHECK(count(*database) == 2);
}

TEST_CASE("transactions that conflict run again until each has happened once", "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  const auto database = open(*options);
  REQUIRE(add(*database, "counter"));
  constexpr int kThreads = 8;
  std::latch start(kThreads);
  std::atomic<int> runs = 0;
  std::atomic<int> succeeded = 0;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      const auto raised = database->write("raise", [&](Transaction& tx) -> Result<void> {
        const auto at = tx.query("SELECT at FROM notes").front().integer("at");
        if (runs++ < kThreads) std::this_thread::yield();
        tx.execute("UPDATE notes SET at = ?1", at + 1);
        return {};
      });
      if (raised) ++succeeded;
    });
  }
  threads.clear();
  CHECK(succeeded == kThreads);
  const auto at = database->read("read", [](Transaction& tx) -> Result<std::int64_t> {
    return tx.query("SELECT at FROM notes").front().integer("at");
  });
  CHECK(at == kThreads);
}

TEST_CASE("an error has no value of a row or a parameter in it", "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  const auto database = open(*options);
  REQUIRE(add(*database, "canary"));
  const auto twice = add(*database, "canary");
  REQUIRE_FALSE(twice);
  CHECK(twice.error().message.find("notes_pkey") != std::string::npos);
  CHECK(twice.error().message.find("canary") == std::string::npos);
  const auto cast = database->read("cast", [](Transaction& tx) -> Result<std::int64_t> {
    return tx.query("SELECT CAST(?1 AS bigint) AS n", "canary").front().integer("n");
  });
  REQUIRE_FALSE(cast);
  CHECK(cast.error().message.find("canary") == std::string::npos);
}

TEST_CASE("a statement that takes too long is an error that may pass", "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  const auto database = open(*options);
  const auto slow = database->read("wait", [](Transaction& tx) -> Result<void> {
    (void)tx.query("SELECT set_config('statement_timeout', '50', true) AS timeout");
    (void)tx.query("SELECT CAST(pg_sleep(60) AS text) AS slept");
    return {};
  });
  REQUIRE_FALSE(slow);
  CHECK(slow.error().code == ErrorCode::unavailable);
  CHECK(add(*database, "after"));
}

TEST_CASE("a transaction that is idle for too long runs again", "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  const auto database = open(*options);
  int runs = 0;
  CHECK(database->write("add note", [&](Transaction& tx) -> Result<void> {
    if (++runs == 1) {
      (void)tx.query("SELECT set_config('idle_in_transaction_session_timeout', '1', true) AS t");
      wait_for_end_of_connections(*options);
    }
    tx.execute("INSERT INTO notes (text) VALUES ('a')");
    return {};
  }));
  CHECK(runs == 2);
}

TEST_CASE("a server without a free connection says so", "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  const std::string role = options->schema + "-role";
  run_script(*options, "CREATE ROLE \"" + role + "\" LOGIN CONNECTION LIMIT 0");
  PostgresOptions limited = *options;
  limited.parameters["user"] = role;
  const auto refused = PostgresDatabase::open(limited);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::unavailable);
  CHECK(refused.error().message.find("too many connections") != std::string::npos);
  CHECK(refused.error().hint.find("max_connections") != std::string::npos);
}

TEST_CASE("more threads ask at once than there are connections to a server", "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  const auto database = open(*options);
  std::atomic<int> counted = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4 * PostgresPool::kConnectionsMax; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        const auto found = database->read("count", [](Transaction& tx) -> Result<std::size_t> {
          return tx.query("SELECT text FROM notes").size();
        });
        counted += found == 0U ? 1 : 0;
      }
    });
  }
  threads.clear();
  CHECK(counted == 40 * PostgresPool::kConnectionsMax);
}

TEST_CASE("a pool that is used up refuses the next caller at the deadline", "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  PostgresPool pool(*options);
  const auto now = std::chrono::steady_clock::now();
  std::vector<Result<PostgresPool::Lease>> leases;
  for (int i = 0; i < PostgresPool::kConnectionsMax; ++i) {
    leases.push_back(pool.take(now + std::chrono::seconds(5)));
    REQUIRE(leases.back());
  }
  const auto refused = pool.take(now);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::unavailable);
  leases.clear();
  CHECK(pool.take(now + std::chrono::seconds(5)));
}

// Otherwise each publisher of a region that had to wait for another one would run again.
TEST_CASE("work that locks a table first runs once, and sees what the lock's holder committed",
          "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  const auto database = open(*options);
  REQUIRE(add(*database, "one"));
  std::latch locked(1);
  const auto add_one = [](Transaction& tx) { tx.execute("UPDATE notes SET at = at + 1"); };
  std::jthread holder([&] {
    (void)database->write_urgently("hold", [&](Transaction& tx) -> Result<void> {
      tx.execute("LOCK TABLE notes IN SHARE ROW EXCLUSIVE MODE");
      add_one(tx);
      locked.count_down();
      bool waits = false;
      for (int i = 0; i < 1000 && !waits; ++i) {
        waits = !tx.query(
                       "SELECT 1 AS waits FROM pg_sleep(0.01), pg_locks"
                       " WHERE relation = CAST('notes' AS regclass) AND NOT granted")
                     .empty();
      }
      return {};
    });
  });
  locked.wait();
  std::atomic<int> runs = 0;
  REQUIRE(database->write_urgently("wait", [&](Transaction& tx) -> Result<void> {
    ++runs;
    tx.execute("LOCK TABLE notes IN SHARE ROW EXCLUSIVE MODE");
    add_one(tx);
    return {};
  }));
  holder.join();
  CHECK(runs == 1);
  const auto twice = database->read("look", [](Transaction& tx) -> Result<std::int64_t> {
    return tx.query("SELECT at FROM notes").front().integer("at");
  });
  CHECK(twice == 2);
}

TEST_CASE("a server that only reads is refused, with what to do", "[database]") {
  const auto options = notes_schema();
  if (!options) return;
  const std::string role = options->schema + "-role";
  run_script(*options, "CREATE ROLE \"" + role + "\" LOGIN; ALTER ROLE \"" + role +
                           "\" SET default_transaction_read_only = on");
  PostgresOptions standby = *options;
  standby.parameters["user"] = role;
  const auto refused = PostgresDatabase::open(standby);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().hint.find("standby") != std::string::npos);
}

TEST_CASE("a server that is not there is an error that may pass", "[database]") {
  const auto options = parse_postgres_url("postgresql://127.0.0.1:1/db", "catalog", false);
  REQUIRE(options);
  const auto refused = PostgresDatabase::open(*options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::unavailable);
  CHECK(refused.error().message.find("postgresql://127.0.0.1/db") != std::string::npos);
}

}  // namespace agent_secrets::control_plane
