#include "injector/exec.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "tests/catch.h"

using namespace agent_secrets;

TEST_CASE("without close_range the descriptors that are open are closed, and those below are not") {
  constexpr int kFirst = 700;
  const UniqueFd below(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kFirst - 100));
  REQUIRE(below.get() < kFirst);
  constexpr int kCount = 300;  // more than one read of the directory
  for (int i = 0; i < kCount; ++i) REQUIRE(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kFirst) >= 0);
  REQUIRE(close_listed(kFirst, kFirst + kCount - 2));
  CHECK(::fcntl(kFirst + kCount - 1, F_GETFD) >= 0);
  REQUIRE(close_listed(kFirst));
  for (int i = 0; i < kCount; ++i) CHECK(::fcntl(kFirst + i, F_GETFD) == -1);
  CHECK(::fcntl(below.get(), F_GETFD) >= 0);
}
