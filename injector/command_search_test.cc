#include "injector/command_search.h"

#include <cerrno>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;

namespace {

using Strings = std::vector<std::string>;

// Every one of them has to fail, else this process is another program. What needs a file that may
// be executed is in tests/integration/test_exec_failures.py: /dev/shm is often mounted noexec.
FailedExec tried(const Strings& candidates) {
  char name[] = "command";
  char* argv[] = {name, nullptr};
  char* envp[] = {nullptr};
  return exec_first(candidates, argv, envp);
}

}  // namespace

TEST_CASE("a command with a slash is not searched in PATH") {
  CHECK(command_candidates("./bot", "/bin") == Strings{"./bot"});
  CHECK(command_candidates("a/b", nullptr) == Strings{"a/b"});
}

TEST_CASE("PATH is searched from left to right, and an empty element is the working directory") {
  CHECK(command_candidates("bot", "/a:/b/") == Strings{"/a/bot", "/b//bot"});
  CHECK(command_candidates("bot", ":/a") == Strings{"bot", "/a/bot"});
  CHECK(command_candidates("bot", "/a::/b") == Strings{"/a/bot", "bot", "/b/bot"});
  CHECK(command_candidates("bot", "/a:") == Strings{"/a/bot", "bot"});
  CHECK(command_candidates("bot", "") == Strings{"bot"});
}

TEST_CASE("without a PATH the usual directories are searched, and never the working directory") {
  CHECK(command_candidates("bot", nullptr) ==
        Strings{"/usr/local/bin/bot", "/bin/bot", "/usr/bin/bot"});
}

TEST_CASE("an empty command is found nowhere") {
  CHECK(command_candidates("", "/bin").empty());
  CHECK(tried({}).error_number == ENOENT);
}

TEST_CASE("the search continues after EACCES, and reports the first path with EACCES") {
  const TemporaryDirectory directory;
  directory.write("first", "not executable");
  directory.write("second", "not executable");
  const auto failed = tried({"/nonexistent/x", directory.path("first"), directory.path("second"),
                             directory.path("first") + "/x", "/nonexistent/y"});
  CHECK(failed.error_number == EACCES);
  CHECK(failed.path == directory.path("first"));
}

TEST_CASE("a search that finds no file reports ENOENT, also if the last element fails otherwise") {
  const TemporaryDirectory directory;
  directory.write("file", "");
  const auto failed = tried({"/nonexistent/x", directory.path("file") + "/x"});
  CHECK(failed.error_number == ENOENT);
  CHECK(failed.path.empty());
}

TEST_CASE("for a single path its own error is reported") {
  const TemporaryDirectory directory;
  directory.write("file", "");
  CHECK(tried({directory.path("file") + "/x"}).error_number == ENOTDIR);
  CHECK(tried({directory.path()}).error_number == EACCES);
}
