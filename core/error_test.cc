#include "core/error.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/catch.h"

using namespace agent_secrets;

namespace {

Result<int> connect() {
  return fail(ErrorCode::timed_out, "timed out", "is the control plane running?");
}

Result<int> fetch() {
  auto connected = connect();
  if (!connected) return propagate(connected, "connect 127.0.0.1:8443");
  return *connected;
}

}  // namespace

TEST_CASE("each layer puts its clause in front, and code and hint stay") {
  auto fetched = fetch();
  REQUIRE_FALSE(fetched);
  const Error error = std::move(fetched.error()).within("fetch bundle");
  CHECK(error.message == "fetch bundle: connect 127.0.0.1:8443: timed out");
  CHECK(error.code == ErrorCode::timed_out);
  CHECK(error.hint == "is the control plane running?");
}

TEST_CASE("an error passed up without a clause stays as it was") {
  auto connected = connect();
  const Result<long> passed = propagate(connected);
  REQUIRE_FALSE(passed);
  CHECK(passed.error().message == "timed out");
}

TEST_CASE("a person sees the program, the error and the hint, a line each") {
  CHECK(describe("secret-injector", {.code = ErrorCode::failed, .message = "no", .hint = "try"}) ==
        "secret-injector: error: no\nhint: try\n");
}

TEST_CASE("a name from outside cannot forge a line or drive a terminal") {
  CHECK(describe("secret-injector",
                 {.code = ErrorCode::failed, .message = "it is for 'a\nb'", .hint = "\x1b[2J"}) ==
        "secret-injector: error: it is for 'a\\x0ab'\nhint: \\x1b[2J\n");
}

TEST_CASE("no hint, no hint line") {
  CHECK(describe("secret-injector", {.code = ErrorCode::failed, .message = "no"}) ==
        "secret-injector: error: no\n");
}

TEST_CASE("errno has its message") { CHECK(errno_message(ENOENT) == "no such file or directory"); }

TEST_CASE("a broken invariant aborts, also in a release build") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    (void)::signal(SIGABRT, SIG_DFL);  // Catch2's handler would report a failed test
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0) ::dup2(null, 2);
    AGENT_SECRETS_ASSERT(1 + 1 == 3);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
}
