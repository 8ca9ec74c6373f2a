#include "control-plane/database/postgres_listener.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "control-plane/database/test_databases.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::chrono::seconds kLong{60};

// What a listener has heard, for threads that wait for it.
class Heard {
 public:
  NoticeHandler handler() {
    return [this](std::string_view notice) {
      std::unique_lock lock(mutex_);
      notices_.emplace_back(notice);
      changed_.notify_all();
      changed_.wait_for(lock, kLong, [this] { return !held_; });
    };
  }
  // The handler does not return until release().
  void hold() {
    const std::scoped_lock lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::scoped_lock lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  // How often the notice was heard, once it was heard `times` times, or after a long time.
  std::size_t wait_for(std::string_view notice, std::size_t times) {
    std::unique_lock lock(mutex_);
    const auto count = [&] {
      return static_cast<std::size_t>(std::ranges::count(notices_, notice));
    };
    changed_.wait_for(lock, kLong, [&] { return count() >= times; });
    return count();
  }
  std::vector<std::string> all() {
    const std::scoped_lock lock(mutex_);
    return notices_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::vector<std::string> notices_;
};

// A database in one process, its listener, and what the listener has heard.
struct Process {
  explicit Process(const PostgresOptions& options) {
    auto opened = PostgresDatabase::open(options);
    REQUIRE(opened);
    database = std::move(*opened);
    auto started = database->listen(heard.handler(), log);
    REQUIRE(started);
    listener = std::move(*started);
    REQUIRE(heard.wait_for("", 1) == 1);
  }
  Log log{"test", LogLevel::error, LogFormat::text};
  Heard heard;
  std::unique_ptr<PostgresDatabase> database;
  std::unique_ptr<NoticeListener> listener;
};

std::optional<PostgresOptions> migrated_schema() {
  auto options = new_postgres_schema();
  if (!options) return std::nullopt;
  options->parameters["application_name"] = options->schema;
  REQUIRE(migrate(*options, {{"0001_empty", "SELECT 1"}}));
  return options;
}

void end_connections(const PostgresOptions& options) {
  run_script(options,
             "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE"
             " application_name = '" +
                 options.schema + "' AND pid <> pg_backend_pid()");
}

}  // namespace

TEST_CASE("a notice is heard by the other processes of the database, and not by its own",
          "[database]") {
  const auto options = migrated_schema();
  if (!options) return;
  Process sender(*options);
  Process receiver(*options);
  sender.database->notify("us-west");
  CHECK(receiver.heard.wait_for("us-west", 1) == 1);
  // By now an own notice would have come too: the server sends both when the first is committed.
  receiver.database->notify("back");
  CHECK(sender.heard.wait_for("back", 1) == 1);
  CHECK(sender.heard.all() == std::vector<std::string>{"", "back"});
  CHECK(receiver.listener->is_connected());
}

TEST_CASE("a notice does not reach another schema of the same server", "[database]") {
  const auto options = migrated_schema();
  if (!options) return;
  Process ours(*options);
  Process same(*options);
  Process other(*migrated_schema());
  ours.database->notify("us-west");
  CHECK(same.heard.wait_for("us-west", 1) == 1);
  other.listener.reset();
  CHECK(other.heard.all() == std::vector<std::string>{""});
}

TEST_CASE("a listener whose connection is ended connects again, and says what may be lost",
          "[database]") {
  const auto options = migrated_schema();
  if (!options) return;
  Process sender(*options);
  Process receiver(*options);
  end_connections(*options);
  CHECK(receiver.heard.wait_for("", 2) == 2);
  CHECK(sender.heard.wait_for("", 2) == 2);
  sender.database->notify("after");
  CHECK(receiver.heard.wait_for("after", 1) == 1);
}

TEST_CASE("a notice that is made while the listener is not connected is sent later", "[database]") {
  const auto options = migrated_schema();
  if (!options) return;
  Process receiver(*options);
  auto sender = PostgresDatabase::open(*options);
  REQUIRE(sender);
  (*sender)->notify("early");
  (*sender)->notify("early");
  Heard unused;
  const auto listener = (*sender)->listen(unused.handler(), receiver.log);
  REQUIRE(listener);
  CHECK(receiver.heard.wait_for("early", 1) == 1);
}

TEST_CASE("thousands of notices that come while the handler works are few calls", "[database]") {
  const auto options = migrated_schema();
  if (!options) return;
  Process receiver(*options);
  receiver.heard.hold();
  const std::string notify = "SELECT pg_notify('" + options->schema + "', ";
  run_script(*options, notify + "'first')");
  REQUIRE(receiver.heard.wait_for("first", 1) == 1);
  // Each in a transaction of its own: the server sends every one of them.
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "BEGIN; " + notify + "'many'); COMMIT; ";
  run_script(*options, many);
  run_script(*options, notify + "'last')");
  receiver.heard.release();
  REQUIRE(receiver.heard.wait_for("last", 1) == 1);
  // Each read of the socket returns hundreds of notices and causes one call.
  CHECK(receiver.heard.wait_for("many", 1) < 100);
}

TEST_CASE("listening ends at once, also while the server cannot be reached", "[database]") {
  const auto options = migrated_schema();
  if (!options) return;
  PostgresOptions nowhere = *options;
  nowhere.parameters["host"] = "/nowhere";
  NoticeQueue queue;
  Heard heard;
  const Log log{"test", LogLevel::error, LogFormat::text};
  auto listener = PostgresListener::start(nowhere, queue, heard.handler(), log);
  REQUIRE(listener);
  CHECK_FALSE((*listener)->is_connected());
  listener->reset();
  CHECK(heard.all().empty());
}

}  // namespace agent_secrets::control_plane
