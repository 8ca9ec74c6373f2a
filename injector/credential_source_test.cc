#include "injector/credential_source.h"

#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/fake_region.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;

namespace {

// An environment that can be written to, as the kernel's is.
struct Environment {
  std::vector<std::string> strings;
  std::vector<char*> pointers{};
  char** data() {
    pointers.clear();
    for (std::string& text : strings) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers.data();
  }
};

std::string text_of(const FakeRegion& region) {
  return std::string(region.credential_text().expose_text());
}

}  // namespace

TEST_CASE("the bytes of the variable are zeroed in place, and its name stays") {
  Environment environment{
      {"A=1", "AGENT_SECRETS_CREDENTIAL=seed", "AGENT_SECRETS_CREDENTIAL=other"}};
  const SecretBuffer taken = take_credential_variable(environment.data());
  CHECK(taken.expose_text() == "seed");
  CHECK(environment.strings[0] == "A=1");
  CHECK(environment.strings[1] == "AGENT_SECRETS_CREDENTIAL=" + std::string(4, '\0'));
  CHECK(environment.strings[2] == "AGENT_SECRETS_CREDENTIAL=" + std::string(5, '\0'));
}

TEST_CASE("a variable with a longer name that begins the same is not taken") {
  Environment environment{{"AGENT_SECRETS_CREDENTIAL_FILE=/run/credential"}};
  CHECK(take_credential_variable(environment.data()).empty());
  CHECK(environment.strings[0] == "AGENT_SECRETS_CREDENTIAL_FILE=/run/credential");
}

TEST_CASE("the option is preferred to the file variable, and the file variable to the variable") {
  const TemporaryDirectory directory;
  FakeRegion region;
  directory.write("good", text_of(region) + "\n");
  directory.write("bad", "nonsense");
  const CapturedLog captured;
  Environment environment{{"AGENT_SECRETS_CREDENTIAL_FILE=" + directory.path("bad")}};
  const SecretBuffer variable = region.credential_text();

  const auto by_option =
      load_credential(directory.path("good"), environment.data(), variable, captured.log());
  REQUIRE(by_option.has_value());
  CHECK(by_option->credential.identity.kid == "kid-1");
  const auto by_file = load_credential("", environment.data(), variable, captured.log());
  REQUIRE_FALSE(by_file.has_value());
  CHECK(by_file.error().message.starts_with(directory.path("bad") + ": "));
  environment.strings.clear();
  CHECK(load_credential("", environment.data(), variable, captured.log()).has_value());
}

TEST_CASE("without a credential the hint names the places for it") {
  const CapturedLog captured;
  Environment environment{{"AGENT_SECRETS_CREDENTIAL_FILE="}};
  const auto loaded = load_credential("", environment.data(), SecretBuffer(), captured.log());
  REQUIRE_FALSE(loaded.has_value());
  CHECK(loaded.error().message == "no credential is given");
}

TEST_CASE("a credential file that others may read is a warning") {
  const TemporaryDirectory directory;
  FakeRegion region;
  directory.write("credential", text_of(region));
  Environment environment;
  const std::string path = directory.path("credential");
  const CapturedLog captured;
  REQUIRE(::chmod(path.c_str(), 0400) == 0);
  REQUIRE(load_credential(path, environment.data(), SecretBuffer(), captured.log()).has_value());
  CHECK(captured.text().empty());
  REQUIRE(::chmod(path.c_str(), 0440) == 0);
  REQUIRE(load_credential(path, environment.data(), SecretBuffer(), captured.log()).has_value());
  CHECK(captured.text().find("can be read by other users") != std::string::npos);
}

TEST_CASE(
    "a file of root that this process reads by its group, as in a Kubernetes volume, is no "
    "warning") {
  struct stat file{};
  file.st_uid = ::geteuid() + 1;
  file.st_mode = S_IFREG | 0440;
  CHECK_FALSE(is_readable_by_others(file));
  file.st_mode = S_IFREG | 0444;
  CHECK(is_readable_by_others(file));
}

TEST_CASE("a credential file that is missing or endless is an error that names it") {
  const CapturedLog captured;
  Environment environment;
  const auto missing = load_credential("/nonexistent/credential", environment.data(),
                                       SecretBuffer(), captured.log());
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().message ==
        "credential: open /nonexistent/credential: no such file or directory");
  const auto endless =
      load_credential("/dev/zero", environment.data(), SecretBuffer(), captured.log());
  REQUIRE_FALSE(endless.has_value());
  CHECK(endless.error().code == ErrorCode::too_large);
}
