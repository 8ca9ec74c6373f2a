#include "control-plane/database/sqlite_database.h"

#include <atomic>
#include <csignal>
#include <latch>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

class Notes {
 public:
  Notes() {
    auto opened = SqliteDatabase::open(directory_.path("notes.db"));
    REQUIRE(opened);
    database_ = std::move(*opened);
    REQUIRE(database_->migrate_to(1, "notes",
                                  "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                  " text TEXT NOT NULL UNIQUE, flag INTEGER, bytes BLOB) STRICT"));
    REQUIRE(database_->use_write_ahead_log());
  }
  SqliteDatabase& operator*() { return *database_; }
  SqliteDatabase* operator->() { return database_.get(); }

  Result<void> add(std::string_view text) {
    return database_->write("add note", [&](Transaction& tx) -> Result<void> {
      tx.execute("INSERT INTO notes (text) VALUES (?1)", text);
      return {};
    });
  }
  std::int64_t count() {
    auto counted = database_->read("count notes", [](Transaction& tx) -> Result<std::int64_t> {
      return tx.query("SELECT count(*) AS n FROM notes").front().integer("n");
    });
    REQUIRE(counted);
    return *counted;
  }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<SqliteDatabase> database_;
};

}  // namespace

TEST_CASE("rows are read by the names of their columns", "[database]") {
  Notes notes;
  const std::vector<std::uint8_t> bytes{0, 255};
  auto read = notes->write("add note", [&](Transaction& tx) -> Result<void> {
    const auto id = tx.query(
                          "INSERT INTO notes (text, flag, bytes) VALUES (?1, ?2, ?3)"
                          " RETURNING id",
                          "one", true, bytes)
                        .front()
                        .integer("id");
    const Rows rows = tx.query("SELECT bytes, flag, text FROM notes WHERE id = ?1", id);
    REQUIRE(rows.size() == 1);
    CHECK(rows.front().text("text") == "one");
    CHECK(rows.front().boolean("flag"));
    CHECK(rows.front().blob("bytes") == bytes);
    return {};
  });
  CHECK(read);
}

TEST_CASE("NULL, empty text and empty bytes stay apart", "[database]") {
  Notes notes;
  auto checked = notes->write("add notes", [&](Transaction& tx) -> Result<void> {
    const std::optional<std::int64_t> nothing;
    tx.execute("INSERT INTO notes (text, flag, bytes) VALUES (?1, ?2, ?3)", "", nothing,
               std::vector<std::uint8_t>());
    const Rows rows = tx.query("SELECT text, flag, bytes FROM notes");
    CHECK(rows.front().text("text").empty());
    CHECK(rows.front().is_null("flag"));
    CHECK_FALSE(rows.front().is_null("bytes"));
    CHECK(rows.front().blob("bytes").empty());
    return {};
  });
  CHECK(checked);
}

TEST_CASE("one statement may run while the rows of another are looked at", "[database]") {
  Notes notes;
  REQUIRE(notes.add("a"));
  REQUIRE(notes.add("b"));
  auto nested = notes->read("walk", [](Transaction& tx) -> Result<int> {
    int seen = 0;
    for (const Row outer : tx.query("SELECT text FROM notes")) {
      for (const Row inner : tx.query("SELECT text FROM notes")) {
        seen += outer.text("text") == inner.text("text") ? 1 : 0;
      }
    }
    return seen;
  });
  REQUIRE(nested);
  CHECK(*nested == 2);
}

TEST_CASE("a column of another type is an error of the database", "[database]") {
  Notes notes;
  REQUIRE(notes.add("a"));
  auto read = notes->read("read flag", [](Transaction& tx) -> Result<std::int64_t> {
    return tx.query("SELECT flag FROM notes").front().integer("flag");
  });
  REQUIRE_FALSE(read);
  CHECK(read.error().message == "read flag: column flag holds no integer");
}

TEST_CASE("work that fails or throws leaves nothing behind", "[database]") {
  Notes notes;
  auto failed = notes->write("add note", [](Transaction& tx) -> Result<void> {
    tx.execute("INSERT INTO notes (text) VALUES ('a')");
    return fail(ErrorCode::conflict, "no");
  });
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message == "no");
  CHECK_THROWS_AS(notes->write("add note",
                               [](Transaction& tx) -> Result<void> {
                                 tx.execute("INSERT INTO notes (text) VALUES ('b')");
                                 throw std::runtime_error("bug");
                               }),
                  std::runtime_error);
  CHECK(notes.count() == 0);
  CHECK(notes.add("a"));
}

TEST_CASE("a statement that fails is an error with the clause of its transaction", "[database]") {
  Notes notes;
  REQUIRE(notes.add("a"));
  auto twice = notes.add("a");
  REQUIRE_FALSE(twice);
  CHECK(twice.error().message.starts_with("add note: UNIQUE constraint failed"));
}

TEST_CASE("work that only reads cannot write", "[database]") {
  Notes notes;
  auto written = notes->read("add note", [](Transaction& tx) -> Result<void> {
    tx.execute("INSERT INTO notes (text) VALUES ('a')");
    return {};
  });
  CHECK_FALSE(written);
  CHECK(notes.count() == 0);
}

TEST_CASE("writes that wait together succeed and fail each for itself", "[database]") {
  Notes notes;
  REQUIRE(notes.add("taken"));
  constexpr int kThreads = 16;
  constexpr int kRounds = 20;
  std::latch start(kThreads);
  std::atomic<int> added = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> thrown = 0;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      start.arrive_and_wait();
      for (int round = 0; round < kRounds; ++round) {
        const std::string text = std::to_string(thread) + "." + std::to_string(round);
        if (notes.add(text)) ++added;
        if (!notes.add("taken")) ++refused;
        try {
          (void)notes->write("add note", [&](Transaction& tx) -> Result<void> {
            tx.execute("INSERT INTO notes (text) VALUES (?1)", "thrown " + text);
            throw std::runtime_error("bug");
          });
        } catch (const std::runtime_error&) {
          ++thrown;
        }
      }
    });
  }
  threads.clear();
  CHECK(added == kThreads * kRounds);
  CHECK(refused == kThreads * kRounds);
  CHECK(thrown == kThreads * kRounds);
  CHECK(notes.count() == kThreads * kRounds + 1);
}

TEST_CASE("a reader sees one state while writes go on", "[database]") {
  Notes notes;
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; i < 200 && !stop.stop_requested(); ++i) {
      (void)notes->write("add two", [&](Transaction& tx) -> Result<void> {
        tx.execute("INSERT INTO notes (text) VALUES (?1)", "a" + std::to_string(i));
        tx.execute("INSERT INTO notes (text) VALUES (?1)", "b" + std::to_string(i));
        return {};
      });
    }
  });
  for (int i = 0; i < 200; ++i) CHECK(notes.count() % 2 == 0);
}

TEST_CASE("more threads read at once than there are connections", "[database]") {
  constexpr int kThreads = 4 * SqliteReaders::kConnectionsMax;
  Notes notes;
  REQUIRE(notes.add("a"));
  std::atomic<int> read = 0;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      const auto counted = notes->read("count", [](Transaction& tx) -> Result<std::size_t> {
        return tx.query("SELECT text FROM notes").size();
      });
      read += counted == 1U ? 1 : 0;
    });
  }
  threads.clear();
  CHECK(read == kThreads);
}

TEST_CASE("work that begins another transaction asserts", "[database]") {
  Notes notes;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    (void)::signal(SIGABRT, SIG_DFL);  // Catch2's handler would report a failed test
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0) ::dup2(null, STDERR_FILENO);
    (void)notes->write("outer", [&](Transaction&) { return notes.add("inner"); });
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
}

TEST_CASE("a write is seen by the next read", "[database]") {
  Notes notes;
  for (int i = 1; i <= 20; ++i) {
    REQUIRE(notes.add(std::to_string(i)));
    CHECK(notes.count() == i);
  }
}

TEST_CASE("a database and its copy are for their owner alone", "[database]") {
  const TemporaryDirectory directory;
  auto opened = SqliteDatabase::open(directory.path("a.db"));
  REQUIRE(opened);
  REQUIRE((*opened)->migrate_to(1, "a", "CREATE TABLE a (x INTEGER)"));
  REQUIRE((*opened)->copy_to(directory.path("b.db")));
  for (const char* name : {"a.db", "b.db"}) {
    struct stat facts{};
    REQUIRE(::stat(directory.path(name).c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0600);
  }
  auto copy = SqliteDatabase::open(directory.path("b.db"));
  REQUIRE(copy);
  CHECK((*copy)->schema_version().value() == 1);
}

}  // namespace agent_secrets::control_plane
