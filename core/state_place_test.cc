#include "core/state_place.h"

#include "tests/catch.h"

namespace agent_secrets {

TEST_CASE("the state directory is the system's where this process may use it") {
  CHECK(choose_state_directory(true, "/run/user/1000") == "/run/agent-secrets");
  CHECK(choose_state_directory(true, "") == "/run/agent-secrets");
}

TEST_CASE("the state directory of an ordinary user is in the user's own runtime directory") {
  CHECK(choose_state_directory(false, "/run/user/1000") == "/run/user/1000/agent-secrets");
  CHECK(choose_state_directory(false, "/run/user/1000/") == "/run/user/1000/agent-secrets");
}

TEST_CASE("without a usable runtime directory the state directory is the system's") {
  CHECK(choose_state_directory(false, "") == "/run/agent-secrets");
  CHECK(choose_state_directory(false, "user/1000") == "/run/agent-secrets");
}

}  // namespace agent_secrets
