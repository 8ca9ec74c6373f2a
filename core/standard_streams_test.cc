#include "core/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "tests/catch.h"

using namespace agent_secrets;

TEST_CASE("a standard stream that was closed is open, and the next file gets another number") {
  const UniqueFd kept(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  ::close(STDIN_FILENO);
  const auto opened = open_standard_streams();
  const bool is_open = ::fcntl(STDIN_FILENO, F_GETFD) >= 0;
  if (kept.is_open()) ::dup2(kept.get(), STDIN_FILENO);
  REQUIRE(opened.has_value());
  CHECK(is_open);
}
