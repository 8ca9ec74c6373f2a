#include "core/command.h"

#include <thread>

#include <fcntl.h>

#include "core/unique_fd.h"
#include "tests/catch.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

struct Ran {
  CommandOutcome outcome;
  std::vector<std::string> lines;
};

Ran run(CommandOptions options, std::stop_token stop = {}) {
  Ran ran;
  const auto outcome =
      run_command(options, [&ran](std::string_view line) { ran.lines.emplace_back(line); }, stop);
  REQUIRE(outcome.has_value());
  ran.outcome = *outcome;
  return ran;
}

}  // namespace

TEST_CASE("a command's lines come from both streams, the last one without its end too") {
  const Ran ran = run({.command = "echo one; echo two >&2; printf three", .environment = {}});
  CHECK(ran.lines == std::vector<std::string>{"one", "two", "three"});
  CHECK(ran.outcome.exit_code == 0);
  CHECK(describe_failure(ran.outcome).empty());
}

TEST_CASE("a command gets exactly the environment that it is given") {
  const Ran ran = run({.command = "echo \"$FACT/$HOME\"", .environment = {"FACT=a b; $(date)"}});
  CHECK(ran.lines == std::vector<std::string>{"a b; $(date)/"});
}

TEST_CASE("a command inherits no descriptor but the standard ones, close-on-exec or not") {
  // As a library may leave one open.
  const UniqueFd kept(::open("/dev/null", O_RDONLY));  // NOLINT(android-cloexec-open)
  REQUIRE(kept.get() > 2);
  const Ran ran = run({.command = "readlink /proc/self/fd/* | grep -c /dev/null",
                       .environment = {"PATH=/usr/bin:/bin"}});
  CHECK(ran.lines == std::vector<std::string>{"1"});  // standard input
}

TEST_CASE("a command's exit code and its death by a signal are told") {
  CHECK(describe_failure(run({.command = "exit 3", .environment = {}}).outcome) == "exit code 3");
  CHECK(run({.command = "kill -9 $$", .environment = {}}).outcome.exit_code == 137);
  CHECK(run({.command = "/nowhere/nothing", .environment = {}}).outcome.exit_code == 127);
}

TEST_CASE("a command past its limit is ended, with all that it started") {
  const Ran ran = run({.command = "sleep 100 & sleep 100", .environment = {}, .time_limit = 100ms});
  CHECK(ran.outcome.timed_out);
  CHECK(describe_failure(ran.outcome) == "timed out");
}

TEST_CASE("a command that ignores SIGTERM is killed") {
  const Ran ran = run({.command = "trap '' TERM; while :; do sleep 0.01; done",
                       .environment = {},
                       .time_limit = 100ms,
                       .grace = 100ms});
  CHECK(ran.outcome.timed_out);
  CHECK(ran.outcome.exit_code == 137);
}

TEST_CASE("a stop ends a command at once") {
  std::stop_source source;
  source.request_stop();
  const Ran ran = run({.command = "sleep 100", .environment = {}}, source.get_token());
  CHECK(ran.outcome.stopped);
}

TEST_CASE("what a command leaves in the background does not hold up its end") {
  const Ran ran = run({.command = "sleep 2 & echo done", .environment = {}, .time_limit = 100s});
  CHECK(ran.lines == std::vector<std::string>{"done"});
  CHECK_FALSE(ran.outcome.timed_out);
}

TEST_CASE("a command that closes its output is waited for") {
  const Ran ran = run({.command = "exec >&- 2>&-; sleep 0.2; exit 4", .environment = {}});
  CHECK(ran.outcome.exit_code == 4);
}

TEST_CASE("an endless line is cut") {
  const Ran ran = run({.command = "head -c 100000 /dev/zero | tr '\\0' x", .environment = {}});
  REQUIRE(ran.lines.size() == 1);
  CHECK(ran.lines[0].size() == kCommandLineMax);
}
