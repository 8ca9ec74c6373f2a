#include "injector/exec.h"

#include <array>

#include <fcntl.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "tests/catch.h"

using namespace agent_secrets;

TEST_CASE("without close_range() the open descriptors from the first number on are closed") {
  constexpr int kFirst = 700;
  const UniqueFd below(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kFirst - 100));
  REQUIRE(below.get() < kFirst);
  constexpr int kCount = 300;  // more than one read of the directory
  for (int i = 0; i < kCount; ++i) REQUIRE(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kFirst) >= 0);
  REQUIRE(close_listed_from(kFirst));
  for (int i = 0; i < kCount; ++i) CHECK(::fcntl(kFirst + i, F_GETFD) == -1);
  CHECK(::fcntl(below.get(), F_GETFD) >= 0);
}

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

void open_at(int fd) { REQUIRE(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, fd) == fd); }

}  // namespace

TEST_CASE("descriptors that are kept stay open, and the gaps between them are closed") {
  constexpr std::array kKept = {3, 700, 702, 703, 720};  // 3 is below the first and has no effect
  for (const bool by_proc : {false, true}) {
    INFO(by_proc);
    for (int fd = 700; fd < 730; ++fd) open_at(fd);
    if (by_proc) {
      REQUIRE(close_listed_from(700, kKept));
    } else {
      close_from(700, kKept);
    }
    for (int fd = 700; fd < 730; ++fd) {
      INFO(fd);
      CHECK(is_open(fd) == (fd == 700 || fd == 702 || fd == 703 || fd == 720));
      ::close(fd);
    }
  }
}
