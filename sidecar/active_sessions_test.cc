#include "sidecar/active_sessions.h"

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::sidecar {

TEST_CASE("a bot that writes no count has no sessions") {
  const TemporaryDirectory temporary;
  const auto directory = StateDirectory::open(temporary.path());
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

}  // namespace agent_secrets::sidecar
