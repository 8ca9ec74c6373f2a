#include "sidecar/state_directory.h"

#include <filesystem>
#include <fstream>
#include <memory>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sidecar/running_state.h"
#include "sidecar/test_watch.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::sidecar {
namespace {

StateDirectory open_in(const TemporaryDirectory& temporary) {
  auto directory = StateDirectory::open(temporary.path());
  REQUIRE(directory);
  return std::move(*directory);
}

TEST_CASE("a directory that is missing is created") {
  const TemporaryDirectory temporary;
  CHECK(StateDirectory::open(temporary.path("new")));
  CHECK(std::filesystem::is_directory(temporary.path("new")));
}

TEST_CASE("a directory that cannot be made is an error with a hint") {
  const auto directory = StateDirectory::open("/proc/nowhere/state");
  REQUIRE_FALSE(directory);
  CHECK_FALSE(directory.error().hint.empty());
}

TEST_CASE("a file is replaced whole and leaves no temporary behind") {
  const TemporaryDirectory temporary;
  StateDirectory directory = open_in(temporary);
  REQUIRE(directory.write("a.json", "a long first content"));
  REQUIRE(directory.write("a.json", "second"));
  CHECK(*directory.read("a.json") == "second");
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(temporary.path()))
    ++files;
  CHECK(files == 1);
}

TEST_CASE("a temporary that a crash left behind is in nobody's way") {
  const TemporaryDirectory temporary;
  StateDirectory directory = open_in(temporary);
  std::ofstream(temporary.path(".a.json.new")) << "half";
  REQUIRE(directory.write("a.json", "whole"));
  CHECK(*directory.read("a.json") == "whole");
}

TEST_CASE("a file that is not there is nothing, and removing it is fine") {
  const TemporaryDirectory temporary;
  StateDirectory directory = open_in(temporary);
  CHECK(*directory.read("a.json") == std::nullopt);
  CHECK(directory.remove("a.json"));
}

TEST_CASE("a symbolic link is not followed") {
  const TemporaryDirectory temporary;
  StateDirectory directory = open_in(temporary);
  std::filesystem::create_symlink("/etc/passwd", temporary.path("a.json"));
  CHECK_FALSE(directory.read("a.json"));
}

TEST_CASE("a directory has one sidecar at a time, and it is seen to live") {
  const TemporaryDirectory temporary;
  FakeClock clock;
  auto first = std::make_unique<StateDirectory>(open_in(temporary));
  StateDirectory second = open_in(temporary);
  CHECK_FALSE(*second.is_locked());
  REQUIRE(first->lock(clock, std::chrono::seconds(1)));
  CHECK(*second.is_locked());
  CHECK(second.lock(clock, std::chrono::seconds(1)).error().code == ErrorCode::conflict);
  first.reset();
  CHECK_FALSE(*second.is_locked());
  CHECK(second.lock(clock, std::chrono::seconds(1)));
}

TEST_CASE(
    "another user can see that a sidecar lives, and can neither hold its lock nor pass for one") {
  const TemporaryDirectory temporary;
  FakeClock clock;
  StateDirectory directory = open_in(temporary);
  // What an older sidecar left.
  temporary.write("sidecar.lock", "");
  REQUIRE(::chmod(temporary.path("sidecar.lock").c_str(), 0644) == 0);
  REQUIRE(directory.lock(clock, std::chrono::seconds(1)));
  using std::filesystem::perms;
  CHECK(status(std::filesystem::path(temporary.path("sidecar.lock"))).permissions() ==
        (perms::owner_read | perms::owner_write));
  CHECK((status(std::filesystem::path(temporary.path("sidecar.alive"))).permissions() &
         perms::others_all) == perms::others_read);
}

TEST_CASE("a lock on what a dead sidecar left does not keep the next one from starting") {
  const TemporaryDirectory temporary;
  FakeClock clock;
  REQUIRE(open_in(temporary).lock(clock, std::chrono::seconds(1)));
  const UniqueFd reader(::open(temporary.path("sidecar.alive").c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(::flock(reader.get(), LOCK_EX) == 0);
  StateDirectory directory = open_in(temporary);
  CHECK_FALSE(*directory.is_locked());
  REQUIRE(directory.lock(clock, std::chrono::seconds(1)));
  CHECK(*open_in(temporary).is_locked());
}

TEST_CASE("a state directory behind a symbolic link is not used") {
  const TemporaryDirectory temporary;
  std::filesystem::create_directory(temporary.path("real"));
  std::filesystem::create_symlink(temporary.path("real"), temporary.path("link"));
  CHECK(StateDirectory::open(temporary.path("link")).error().code == ErrorCode::untrusted);
  CHECK(StateDirectory::open_existing(temporary.path("link")).error().code == ErrorCode::untrusted);
}

TEST_CASE("running.json says what runs") {
  const auto running = parse_running_state(
      R"({"organization":"acme","agent":"bot","deployment":"d1","sequence":5,)"
      R"("sets":[{"name":"bot-secrets","version":2}],"region":"us-west","pid":1,)"
      R"("started_at":"2023-11-14T22:13:20.000Z","source":"control plane"})");
  REQUIRE(running);
  CHECK(running->organization == "acme");
  CHECK(running->agent == "bot");
  CHECK(running->sequence == 5);
}

TEST_CASE("a running.json that is not there yet is not an error, a broken one is") {
  const TemporaryDirectory temporary;
  StateDirectory directory = open_in(temporary);
  CHECK_FALSE(read_running_state(directory)->has_value());
  REQUIRE(directory.write(kRunningFile, "{}"));
  CHECK_FALSE(read_running_state(directory));
}

TEST_CASE("a running.json from an env file is no trouble, and nothing to watch") {
  const auto running = parse_running_state(
      R"({"organization":"","agent":"","deployment":"","sequence":0,"sets":[],"region":"",)"
      R"("pid":1,"started_at":"2023-11-14T22:13:20.000Z","source":"env-file"})");
  REQUIRE(running);
  CHECK_FALSE(running->is_watchable);
}

TEST_CASE("a state file may be as large as an answer, and no larger than that and some more") {
  const TemporaryDirectory temporary;
  StateDirectory directory = open_in(temporary);
  const std::string large(limits::kResponseBody, 'x');
  REQUIRE(directory.write("a.json", large));
  CHECK(*directory.read("a.json") == large);
  REQUIRE(directory.write("a.json", std::string(kStateFileMax + 1, 'x')));
  CHECK(directory.read("a.json").error().code == ErrorCode::too_large);
}

TEST_CASE("the bot of another user can read the files, whatever the umask is") {
  const TemporaryDirectory temporary;
  const std::filesystem::path path = temporary.path("new");
  const mode_t before = ::umask(0077);
  auto directory = StateDirectory::open(path);
  const bool written = directory && directory->write("a.json", "text");
  ::umask(before);
  REQUIRE(written);
  using std::filesystem::perms;
  CHECK((status(path).permissions() & perms::others_all) ==
        (perms::others_read | perms::others_exec));
  CHECK((status(path / "a.json").permissions() & perms::others_all) == perms::others_read);
}

}  // namespace
}  // namespace agent_secrets::sidecar
