#include "injector/value_files.h"

#include <array>
#include <cstdlib>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/catch.h"

using namespace agent_secrets;

namespace {

std::string read_again(int fd) {
  const UniqueFd opened(
      ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 64> text{};
  const ssize_t size = ::read(opened.get(), text.data(), text.size());
  REQUIRE(size >= 0);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace

TEST_CASE("a file in memory has the value, byte for byte, and cannot be changed") {
  using namespace std::string_view_literals;
  const auto value = "line\n\0\xff end"sv;
  const auto memory = make_memory_file("KEY", value, std::nullopt);
  REQUIRE(memory.has_value());
  CHECK(read_again(memory->get()) == value);
  CHECK(::fcntl(memory->get(), F_GET_SEALS) >=
        (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
  CHECK(::write(memory->get(), "x", 1) == -1);
  CHECK(::ftruncate(memory->get(), 0) == -1);
  struct stat status{};
  REQUIRE(::fstat(memory->get(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0400);
  CHECK((::fcntl(memory->get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(memory->get() > kFirstFileDescriptor);
}

TEST_CASE("a key of any length and form can name a file in memory") {
  CHECK(make_memory_file(std::string(5000, 'K'), "v", std::nullopt).has_value());
  CHECK(make_memory_file("a/b\x1b\xff", "v", std::nullopt).has_value());
}

TEST_CASE("a limit of open files that is too small is an error that names the limit") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 64;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &small) == 0);
  const auto memory = make_memory_file("KEY", "v", std::nullopt);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE_FALSE(memory.has_value());
  CHECK(memory.error().hint.find("ulimit -n") != std::string::npos);
}
