#include "control-plane/keys/key_command.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "control-plane/keys/master_key.h"
#include "core/limits.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kMax = 43;

Error refusal(const std::string& command) {
  auto output = run_key_command(command, kMax);
  REQUIRE_FALSE(output);
  return std::move(output.error());
}

std::string output_of(const std::string& command) {
  auto output = run_key_command(command, kMax);
  if (!output) FAIL(output.error().message);
  return std::string(output->expose_text());
}

}  // namespace

TEST_CASE("a key is what a command prints, without the newline at its end") {
  CHECK(output_of("echo key") == "key");
  CHECK(output_of("printf key") == "key");
  CHECK(output_of("printf 'a\\n\\n'") == "a\n");
  CHECK(output_of("true").empty());
  CHECK(output_of("echo AAAA | tr A B") == "BBBB");
}

TEST_CASE("a command that fails is an error with its standard error, and never its output") {
  const Error refused = refusal("echo canary-output; echo 'access denied' >&2; exit 3");
  CHECK(refused.message == "the command failed with exit code 3: access denied");
  CHECK(describe("x", refused).find("canary") == std::string::npos);
  CHECK(refusal("kill -9 $$").message == "the command was ended by signal 9");
  CHECK(refusal("no-such-program-here")
            .message.starts_with("the command failed with exit code 127: "));
}

TEST_CASE("the standard error of a command is cut") {
  const Error refused = refusal("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1");
  CHECK(refused.message.size() < limits::kKeyCommandError + 100);
}

TEST_CASE("a command that prints too much is killed, and its output is not repeated") {
  CHECK(refusal("echo 0123456789012345678901234567890123456789012-canary").code ==
        ErrorCode::too_large);
  const Error endless = refusal("yes canary");
  CHECK(endless.code == ErrorCode::too_large);
  CHECK(endless.message.find("canary") == std::string::npos);
  CHECK(output_of("printf 0123456789012345678901234567890123456789012").size() == kMax);
}

TEST_CASE("a command gets few variables, and no descriptor but the standard streams") {
  REQUIRE(::setenv("CANARY_VARIABLE", "canary", 1) == 0);
  CHECK(output_of("echo \"${CANARY_VARIABLE-none} ${PATH:+path}\"") == "none path");
  REQUIRE(::unsetenv("CANARY_VARIABLE") == 0);
  const TemporaryDirectory directory;
  const std::ifstream open_file("/dev/zero");
  CHECK(output_of("ls /proc/self/fd | tr '\\n' ' '") == "0 1 2 3 ");  // 3: the directory itself
}

TEST_CASE("a process that a command leaves behind does not delay the key, and is killed") {
  CHECK(output_of("sleep 1000 & echo key") == "key");
}

TEST_CASE("a master key can come from a command, and a wrong output is not repeated") {
  const auto key = MasterKey::load(MasterKeySource{.command = "printf %043d 0 | tr 0 A"});
  REQUIRE(key);
  const SecretBuffer secret = SecretBuffer::copy_of(std::string(32, 'k'));
  CHECK(key->has_wrapped("id", "catalog", key->wrap("id", "catalog", secret)));
  for (const char* command : {"echo canary", "true", "printf %050d 0 | tr 0 A"}) {
    const auto refused = MasterKey::load(MasterKeySource{.command = command});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message ==
          "the output of the command: not a master key (base64url of 32 bytes)");
  }
}

TEST_CASE("a key that comes from a command is fetched again when it does not open what is stored") {
  const TemporaryDirectory directory;
  const auto old_key = MasterKey::create_file(directory.path("key"));
  const auto new_key = MasterKey::create_file(directory.path("new"));
  const auto key = MasterKey::load(MasterKeySource{.command = "cat " + directory.path("key")});
  REQUIRE(key);
  const SecretBuffer secret = SecretBuffer::copy_of(std::string(32, 'k'));
  const auto wrapped = new_key->wrap("id", "catalog", secret);
  std::filesystem::rename(directory.path("new"), directory.path("key"));
  CHECK(key->unwrap("id", "catalog", wrapped));
  CHECK(key->unwrap("id", "catalog", old_key->wrap("id", "catalog", secret)));
  CHECK(key->has_wrapped("id", "catalog", wrapped));
}

}  // namespace agent_secrets::control_plane
