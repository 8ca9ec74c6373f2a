#include "core/threads.h"

#include <cerrno>

#include "tests/catch.h"

using namespace agent_secrets;

TEST_CASE("a thread that can be made runs, and is no refusal") {
  bool ran = false;
  {
    auto thread = start_thread<std::jthread>("a test", [&ran] { ran = true; });
    REQUIRE(thread.has_value());
  }
  CHECK(ran);
  CHECK_FALSE(find_thread_refusal("a test").has_value());
}

TEST_CASE("a thread that cannot be made is an error that names what refuses it") {
  const auto seccomp = no_thread("a test", {EPERM, std::generic_category()});
  CHECK(seccomp.message == "make a thread for a test: operation not permitted");
  CHECK(seccomp.hint.find("seccomp") != std::string::npos);
  const auto limit = no_thread("a test", {EAGAIN, std::generic_category()});
  CHECK(limit.message == "make a thread for a test: resource temporarily unavailable");
  CHECK(limit.hint.find("pids limit") != std::string::npos);
}
