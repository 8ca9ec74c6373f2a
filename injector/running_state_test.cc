#include "injector/running_state.h"

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

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

Result<void> write_in(const std::string& directory) {
  auto folder = open_state_directory(directory);
  if (!folder) return propagate(folder);
  return write_running_state(folder->get(), directory, example());
}

mode_t mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("running.json has the facts of the bundle and the process") {
  CHECK(running_json(example()) ==
        R"({"organization":"acme","agent":"phone","deployment":"d-1","sequence":42,)"
        R"("sets":[{"name":"voice","version":3}],"region":"us-west","pid":7,)"
        R"("started_at":"2023-11-14T22:13:20.123Z","source":"cache"})"
        "\n");
}

TEST_CASE("running.json is replaced as a whole, with mode 0644, without a temporary file") {
  const TemporaryDirectory directory;
  directory.write("running.json", std::string(10'000, 'x'));
  const mode_t before = ::umask(0777);
  const auto written = write_in(directory.path());
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
  const auto written = write_in(directory);
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().message.find(directory) != std::string::npos);
  REQUIRE(make_state_directory(directory).has_value());
  CHECK(mode_of(directory) == 0755);
  REQUIRE(make_state_directory(directory).has_value());
  CHECK(write_in(directory).has_value());
  CHECK_FALSE(make_state_directory(parent.path("no/such")).has_value());
}

TEST_CASE("writing running.json removes the redeploy flag of the previous instance") {
  const TemporaryDirectory directory;
  directory.write("redeploy.json", "{}");
  directory.write("sessions.json", "{}");
  REQUIRE(write_in(directory.path()).has_value());
  CHECK_FALSE(std::filesystem::exists(directory.path("redeploy.json")));
  CHECK_FALSE(std::filesystem::exists(directory.path("sessions.json")));
}

TEST_CASE("running.json is written also if the flag cannot be removed, with an error") {
  const TemporaryDirectory directory;
  REQUIRE(::mkdir(directory.path("redeploy.json").c_str(), 0700) == 0);
  CHECK_FALSE(write_in(directory.path()).has_value());
  CHECK(directory.read("running.json") == running_json(example()));
}

TEST_CASE("a state directory that is a link is refused") {
  const TemporaryDirectory parent;
  std::filesystem::create_directory(parent.path("elsewhere"));
  std::filesystem::create_symlink(parent.path("elsewhere"), parent.path("state"));
  CHECK(write_in(parent.path("state")).error().code == ErrorCode::untrusted);
  CHECK(make_state_directory(parent.path("state")).error().code == ErrorCode::untrusted);
}

TEST_CASE("root writes in a state directory of the command's user, and of no other user") {
  if (::geteuid() != 0) return;
  const TemporaryDirectory directory;
  REQUIRE(::chown(directory.path().c_str(), 4242, 4242) == 0);
  const auto folder = open_state_directory(directory.path());
  REQUIRE(folder);
  const auto refused = check_state_owner(folder->get(), directory.path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::untrusted);
  CHECK(refused.error().hint.find("--user") != std::string::npos);
  const auto check_for = [&](uid_t user) {
    return check_state_owner(folder->get(), directory.path(),
                             BotUser{.user = user, .group = 0, .groups = {}})
        .has_value();
  };
  CHECK(check_for(4242));
  CHECK_FALSE(check_for(4243));
}
