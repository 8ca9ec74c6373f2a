#include "injector/running_state.h"

#include <filesystem>

#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

RunningState example() {
  return {.facts = {.organization = "acme",
                    .agent = "phone",
                    .deployment = "d-1",
                    .sequence = 42,
                    .recipient = "kid-1",
                    .sets = {{"voice", 3}},
                    .region = "us-west",
                    .issued_at = 1s,
                    .nonce = "nonce"},
          .source = SecretsSource::cache,
          .pid = 7,
          .started_at = 1'700'000'000'123ms};
}

mode_t mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("running.json says what runs") {
  CHECK(running_json(example()) ==
        R"({"organization":"acme","agent":"phone","deployment":"d-1","sequence":42,)"
        R"("sets":[{"name":"voice","version":3}],"region":"us-west","pid":7,)"
        R"("started_at":"2023-11-14T22:13:20.123Z","source":"cache"})"
        "\n");
}

TEST_CASE("running.json is replaced whole, can be read by others, and leaves nothing beside it") {
  const TemporaryDirectory directory;
  directory.write("running.json", std::string(10'000, 'x'));
  const mode_t before = ::umask(0777);
  const auto written = write_running_state(directory.path(), example());
  ::umask(before);
  REQUIRE(written.has_value());
  CHECK(directory.read("running.json") == running_json(example()));
  CHECK(mode_of(directory.path("running.json")) == 0644);
  const std::filesystem::directory_iterator entries(directory.path());
  CHECK(std::distance(begin(entries), end(entries)) == 1);
}

TEST_CASE("a missing state directory is an error that names it, unless it is made first") {
  const TemporaryDirectory parent;
  const std::string directory = parent.path("state");
  const auto written = write_running_state(directory, example());
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().message.find(directory) != std::string::npos);
  REQUIRE(make_state_directory(directory).has_value());
  CHECK(mode_of(directory) == 0755);
  REQUIRE(make_state_directory(directory).has_value());
  CHECK(write_running_state(directory, example()).has_value());
  CHECK_FALSE(make_state_directory(parent.path("no/such")).has_value());
}

TEST_CASE("the redeploy flag of the instance before is gone when running.json says what runs") {
  const TemporaryDirectory directory;
  directory.write("redeploy.json", "{}");
  directory.write("sessions.json", "{}");
  REQUIRE(write_running_state(directory.path(), example()).has_value());
  CHECK_FALSE(std::filesystem::exists(directory.path("redeploy.json")));
  CHECK_FALSE(std::filesystem::exists(directory.path("sessions.json")));
}

TEST_CASE("running.json is written even where the flag cannot be removed, and that is reported") {
  const TemporaryDirectory directory;
  REQUIRE(::mkdir(directory.path("redeploy.json").c_str(), 0700) == 0);
  CHECK_FALSE(write_running_state(directory.path(), example()).has_value());
  CHECK(directory.read("running.json") == running_json(example()));
}
