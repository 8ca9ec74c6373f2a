#include "core/command.h"

#include <array>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/lifeline.h"
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

// Runs a command that prints "ready" when it is, with a limit that passes after that: on a loaded
// machine a start takes longer than a short limit, so the limit is doubled until it is long enough.
Ran run_past_limit(CommandOptions options) {
  for (options.time_limit = 100ms; options.time_limit < 100s; options.time_limit *= 2) {
    Ran ran = run(options);
    if (!ran.lines.empty() && ran.lines.front() == "ready") return ran;
  }
  FAIL("the command does not become ready");
  return {};
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
  const Ran ran =
      run_past_limit({.command = "trap '' TERM; echo ready; while :; do sleep 0.01; done",
                      .environment = {},
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

TEST_CASE("a command on a lifeline tells the same as one without") {
  Lifeline lifeline;
  const Ran ran = run({.command = "echo \"$FACT\"; echo two >&2; exit 3",
                       .environment = {"FACT=a 'b'; $(date)"},
                       .lifeline = &lifeline});
  CHECK(ran.lines == std::vector<std::string>{"a 'b'; $(date)", "two"});
  CHECK(describe_failure(ran.outcome) == "exit code 3");
  const Ran killed = run({.command = "kill -9 $$", .environment = {}, .lifeline = &lifeline});
  CHECK(killed.outcome.exit_code == 137);
}

TEST_CASE("a command on a lifeline has the standard descriptors alone") {
  Lifeline lifeline;
  const Ran ran = run({.command = "ls /proc/self/fd | wc -l",
                       .environment = {"PATH=/usr/bin:/bin"},
                       .lifeline = &lifeline});
  CHECK(ran.lines == std::vector<std::string>{"4"});  // ls itself has the directory open
}

TEST_CASE("a command is killed at the time that its lifeline is held until") {
  const SystemClock clock;
  Lifeline lifeline;
  lifeline.hold_until(clock.monotonic() + 200ms);
  const Ran ran = run({.command = "sleep 100 & sleep 100",
                       .environment = {"PATH=/usr/bin:/bin"},
                       .lifeline = &lifeline});
  CHECK(ran.outcome.exit_code == 137);
  CHECK_FALSE(ran.outcome.stopped);
}

TEST_CASE("a command does not begin after the time that its lifeline is held until") {
  Lifeline lifeline;
  lifeline.hold_until(0ms);
  const Ran ran = run({.command = "echo begun", .environment = {}, .lifeline = &lifeline});
  CHECK(ran.lines.empty());
  CHECK(ran.outcome.exit_code == 137);
}

TEST_CASE("a command that runs hears of a later and of an earlier time") {
  const SystemClock clock;
  Lifeline lifeline;
  lifeline.hold_until(clock.monotonic() + 100s);
  bool has_begun = false;
  const auto ran = run_command({.command = "echo begun; exec sleep 100",
                                .environment = {"PATH=/usr/bin:/bin"},
                                .lifeline = &lifeline},
                               [&](std::string_view) {
                                 has_begun = true;
                                 lifeline.hold_until(clock.monotonic() + 200s);
                                 lifeline.hold_until(0ms);
                               },
                               {});
  REQUIRE(ran.has_value());
  CHECK(has_begun);
  CHECK(ran->exit_code == 137);
}

TEST_CASE("the time limit and a stop reach a command behind its supervisor") {
  Lifeline lifeline;
  // The grace is long: the shell runs its trap when it gets a turn of the processor.
  const Ran late = run_past_limit(
      {.command = "trap 'echo ending; exit 5' TERM; echo ready; while :; do sleep 0.01; done",
       .environment = {"PATH=/usr/bin:/bin"},
       .grace = 100s,
       .lifeline = &lifeline});
  CHECK(late.outcome.timed_out);
  // Between the two lines the shell may say that `sleep` was terminated.
  CHECK(late.lines.back() == "ending");
  std::stop_source source;
  source.request_stop();
  const Ran stopped =
      run({.command = "sleep 100", .environment = {}, .lifeline = &lifeline}, source.get_token());
  CHECK(stopped.outcome.stopped);
}

TEST_CASE("a supervisor that is killed alone takes its command with it") {
  Lifeline lifeline;
  const Ran ran = run({.command = "kill -9 $PPID; exec sleep 100",
                       .environment = {"PATH=/usr/bin:/bin"},
                       .lifeline = &lifeline});
  CHECK(ran.outcome.exit_code == 137);
}

// The killed process is this test's own program, which runs the command on a lifeline.
TEST_CASE("a command ends with a process that is killed") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Lifeline lifeline;
    // The end of this pipe is the end of all that has the command's output open.
    (void)run_command({.command = "exec >/proc/" + std::to_string(::getpid()) + "/fd/" +
                                  std::to_string(writer.get()) + "; echo begun; sleep 100",
                       .environment = {"PATH=/usr/bin:/bin"},
                       .lifeline = &lifeline},
                      [](std::string_view) {}, {});
    ::_exit(0);
  }
  writer.reset();
  std::array<char, 16> bytes{};
  REQUIRE(::read(reader.get(), bytes.data(), bytes.size()) == 6);
  REQUIRE(::kill(child, SIGKILL) == 0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  pollfd ended{.fd = reader.get(), .events = POLLIN, .revents = 0};
  REQUIRE(::poll(&ended, 1, 30'000) == 1);
  CHECK(::read(reader.get(), bytes.data(), bytes.size()) == 0);
}
