#include "core/unique_fd.h"

#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "tests/catch.h"

using namespace agent_secrets;

namespace {

int open_null() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  return fd;
}

bool is_valid(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace

static_assert(!std::is_copy_constructible_v<UniqueFd> && !std::is_copy_assignable_v<UniqueFd>);
static_assert(!std::is_convertible_v<int, UniqueFd> && !std::is_convertible_v<UniqueFd, int>);
static_assert(!std::is_constructible_v<bool, UniqueFd>);

TEST_CASE("a descriptor is closed with its owner") {
  const int fd = open_null();
  {
    const UniqueFd owner(fd);
    CHECK(owner.is_open());
    CHECK(owner.get() == fd);
  }
  CHECK_FALSE(is_valid(fd));
}

TEST_CASE("an owner of nothing closes nothing") {
  UniqueFd owner;
  CHECK_FALSE(owner.is_open());
  owner.reset();
  CHECK(owner.release() == -1);
}

TEST_CASE("descriptor 0 counts as open") {
  UniqueFd owner(0);
  CHECK(owner.is_open());
  CHECK(owner.release() == 0);
}

TEST_CASE("a moved descriptor has one owner") {
  const int fd = open_null();
  UniqueFd first(fd);
  UniqueFd second(std::move(first));
  // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move): this is what is tested
  CHECK_FALSE(first.is_open());
  CHECK(second.get() == fd);
  CHECK(is_valid(fd));
}

TEST_CASE("assignment closes what the owner held before") {
  const int held = open_null();
  const int taken = open_null();
  UniqueFd owner(held);
  owner = UniqueFd(taken);
  CHECK_FALSE(is_valid(held));
  CHECK(is_valid(taken));
  CHECK(owner.get() == taken);
}

TEST_CASE("assignment of a descriptor to itself keeps it open") {
  UniqueFd owner(open_null());
  UniqueFd& same = owner;
  owner = std::move(same);
  CHECK(is_valid(owner.get()));
}

TEST_CASE("a released descriptor stays open") {
  UniqueFd owner(open_null());
  const int fd = owner.release();
  CHECK_FALSE(owner.is_open());
  CHECK(is_valid(fd));
  CHECK(::close(fd) == 0);
}

TEST_CASE("reset closes once") {
  UniqueFd owner(open_null());
  const int fd = owner.get();
  owner.reset();
  CHECK_FALSE(is_valid(fd));
  const UniqueFd next(open_null());  // takes the same number
  owner.reset();
  CHECK(is_valid(next.get()));
}
