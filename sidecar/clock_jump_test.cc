#include "sidecar/clock_jump.h"

#include <poll.h>

#include "tests/catch.h"

namespace agent_secrets::sidecar {

// A test of a jump would need permission to set the clock.
TEST_CASE("while the clock only goes on, there is no jump to hear of") {
  auto jump = ClockJump::watch();
  REQUIRE(jump.has_value());
  pollfd waited{.fd = jump->fd(), .events = POLLIN, .revents = 0};
  CHECK(::poll(&waited, 1, 0) == 0);
  CHECK(jump->happened() == false);
}

}  // namespace agent_secrets::sidecar
