#include "sidecar/active_sessions.h"

#include <filesystem>
#include <string>

#include <fcntl.h>

#include "core/file_lock.h"
#include "core/unique_fd.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::sidecar {

TEST_CASE("a bot that writes no count has no sessions") {
  const TemporaryDirectory temporary;
  auto directory = StateDirectory::open(temporary.path());
  CHECK(read_active_sessions(*directory) == 0);
}

TEST_CASE("the bot's count is read, and nonsense is an error") {
  const TemporaryDirectory temporary;
  auto directory = StateDirectory::open(temporary.path());
  REQUIRE(directory->write(kSessionsFile, R"({"schema":1,"active_sessions":3})"));
  CHECK(read_active_sessions(*directory) == 3);
  for (const char* text : {"", "{}", "3", R"({"active_sessions":-1})",
                           R"({"active_sessions":1000001})", R"({"active_sessions":"3"})"}) {
    REQUIRE(directory->write(kSessionsFile, text));
    CHECK_FALSE(read_active_sessions(*directory).has_value());
  }
}

namespace {

// A process of the bot, as the Python package writes it.
class Process {
 public:
  Process(const TemporaryDirectory& directory, const std::string& name, int sessions)
      : file_(::open(directory.path(name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    REQUIRE(take_life_lock(file_.get()));
    directory.write(name, R"({"schema":1,"active_sessions":)" + std::to_string(sessions) + "}");
  }

 private:
  UniqueFd file_;
};

}  // namespace

TEST_CASE("the sessions of all living processes are added up") {
  const TemporaryDirectory temporary;
  auto directory = StateDirectory::open(temporary.path());
  const Process first(temporary, "sessions.7-aa.json", 1);
  const Process second(temporary, "sessions.8-bb.json", 2);
  temporary.write("sessions.json", R"({"schema":1,"active_sessions":9,"by_process":true})");
  temporary.write(".sessions.7-aa.json.new", "half");
  CHECK(read_active_sessions(*directory) == 3);
}

TEST_CASE("a process that has ended has no sessions, and its file is removed") {
  const TemporaryDirectory temporary;
  auto directory = StateDirectory::open(temporary.path());
  {
    const Process killed(temporary, "sessions.7-aa.json", 1);
    CHECK(read_active_sessions(*directory) == 1);
  }
  temporary.write("sessions.json", R"({"schema":1,"active_sessions":1,"by_process":true})");
  CHECK(read_active_sessions(*directory) == 0);
  CHECK_FALSE(std::filesystem::exists(temporary.path("sessions.7-aa.json")));
}

}  // namespace agent_secrets::sidecar
