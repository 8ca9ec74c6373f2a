// Writes that are committed together, and writes on a disk without room.
#include "control-plane/database/sqlite_writer.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <latch>
#include <thread>
#include <vector>

#include "control-plane/database/sqlite_database.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

// A table in a file that may have 64 pages of 4 KiB, with a reserve beside it.
class SmallDatabase {
 public:
  SmallDatabase() {
    auto reserve = DiskReserve::open(directory_.path(""));
    REQUIRE(reserve);
    auto opened = SqliteDatabase::open(directory_.path("a.db"), std::move(*reserve));
    REQUIRE(opened);
    database_ = std::move(*opened);
    REQUIRE(
        database_->migrate_to(1, "a", "CREATE TABLE a (bytes BLOB); PRAGMA max_page_count = 64"));
    REQUIRE(database_->use_write_ahead_log());
  }

  Result<void> add(std::int64_t size) {
    return database_->write("add", [&](Transaction& tx) { return insert(tx, size); });
  }
  Result<void> add_urgently(std::int64_t size) {
    return database_->write_urgently("add", [&](Transaction& tx) { return insert(tx, size); });
  }
  std::int64_t count() {
    auto counted = database_->read("count", [](Transaction& tx) -> Result<std::int64_t> {
      return tx.query("SELECT count(*) AS n FROM a").front().integer("n");
    });
    REQUIRE(counted);
    return *counted;
  }
  [[nodiscard]] std::uintmax_t reserved() const {
    return std::filesystem::file_size(directory_.path(kReserveFile));
  }
  std::unique_ptr<DiskReserve> another_process() {
    auto reserve = DiskReserve::open(directory_.path(""));
    REQUIRE(reserve);
    return std::move(*reserve);
  }

 private:
  static Result<void> insert(Transaction& tx, std::int64_t size) {
    tx.execute("INSERT INTO a (bytes) VALUES (zeroblob(?1))", size);
    return {};
  }

  TemporaryDirectory directory_;
  std::unique_ptr<SqliteDatabase> database_;
};

constexpr std::int64_t kTooLarge = 1'000'000;
constexpr int kThreads = 8;
constexpr int kRounds = 10;

// Runs each function kRounds times on kThreads threads of its own, all at once.
void run_together(const std::vector<std::function<void()>>& functions) {
  std::latch start(static_cast<std::ptrdiff_t>(functions.size()) * kThreads);
  std::vector<std::jthread> threads;
  threads.reserve(functions.size() * kThreads);
  for (const auto& function : functions) {
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        for (int round = 0; round < kRounds; ++round) function();
      });
    }
  }
}

bool lacks_room(const Result<void>& result) {
  return !result && result.error().code == ErrorCode::out_of_space;
}

}  // namespace

TEST_CASE("a write that finds no room fails alone", "[database]") {
  SmallDatabase database;
  std::atomic<int> added = 0;
  std::atomic<int> without_room = 0;
  run_together({[&] { added += database.add(10) ? 1 : 0; },
                [&] { without_room += lacks_room(database.add(kTooLarge)) ? 1 : 0; },
                [&] { without_room += lacks_room(database.add_urgently(kTooLarge)) ? 1 : 0; }});
  CHECK(added == kThreads * kRounds);
  CHECK(without_room == 2 * kThreads * kRounds);
  CHECK(database.count() == kThreads * kRounds);
}

TEST_CASE("an urgent write without room empties the reserve, an ordinary one does not") {
  SmallDatabase database;
  CHECK(lacks_room(database.add(kTooLarge)));
  CHECK(database.reserved() > 0);
  CHECK(lacks_room(database.add_urgently(kTooLarge)));
  CHECK(database.reserved() == 0);
  REQUIRE(database.add(10));
  CHECK(database.reserved() > 0);
}

TEST_CASE("while the reserve cannot be filled only urgent writes are written") {
  SmallDatabase database;
  const auto other = database.another_process();
  const auto spending = other->release();  // holds the lock that filling needs
  std::atomic<int> added = 0;
  std::atomic<int> refused = 0;
  run_together({[&] { added += database.add_urgently(10) ? 1 : 0; },
                [&] { refused += lacks_room(database.add(10)) ? 1 : 0; }});
  CHECK(added == kThreads * kRounds);
  CHECK(refused == kThreads * kRounds);
  CHECK(database.count() == kThreads * kRounds);
}

}  // namespace agent_secrets::control_plane
