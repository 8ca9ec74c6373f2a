#include "sidecar/options.h"

#include <array>
#include <cstdlib>
#include <vector>

#include "tests/catch.h"

namespace agent_secrets::sidecar {
namespace {

Result<Command> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "secret-sidecar");
  return parse_options(static_cast<int>(words.size()), words.data());
}

RunOptions run_options(std::vector<const char*> words) {
  words.insert(words.begin(), "run");
  const auto command = parse(std::move(words));
  REQUIRE(command);
  REQUIRE(std::holds_alternative<RunOptions>(*command));
  return std::get<RunOptions>(*command);
}

TEST_CASE("the injector's command line is understood") {
  const auto options =
      run_options({"--credential-fd", "3", "--bot-pid", "17", "--bot-pidfd", "4", "--sequence", "5",
                   "--instance", "host-1.a_b", "--state-dir", "/run/x", "--ready-fd", "5"});
  CHECK(options.credential_fd == 3);
  CHECK(options.bot.pid == 17);
  CHECK(options.bot.pidfd == 4);
  CHECK(options.sequence == 5);
  CHECK(options.ready_fd == 5);
  CHECK(options.instance == "host-1.a_b");
  CHECK(options.state_directory == "/run/x");
}

TEST_CASE("the defaults serve no port and never turn unready") {
  const auto options = run_options({"--credential-file", "f"});
  CHECK(options.listen.empty());
  CHECK(options.unready_when == UnreadyWhen::never);
  CHECK(options.poll_wait == std::chrono::seconds(50));
  CHECK(options.state_directory == default_state_directory());
  CHECK_FALSE(options.sequence);
}

TEST_CASE("an option can come from the environment, and the command line wins") {
  ::setenv("AGENT_SECRETS_SIDECAR_LISTEN", "127.0.0.1:9", 1);
  ::setenv("AGENT_SECRETS_SIDECAR_UNREADY_WHEN", "stale", 1);
  CHECK(run_options({"--credential-file", "f"}).listen == "127.0.0.1:9");
  CHECK(run_options({"--credential-file", "f"}).unready_when == UnreadyWhen::stale);
  CHECK(run_options({"--credential-file", "f", "--listen", "127.0.0.1:8"}).listen == "127.0.0.1:8");
  ::unsetenv("AGENT_SECRETS_SIDECAR_LISTEN");
  ::unsetenv("AGENT_SECRETS_SIDECAR_UNREADY_WHEN");
}

TEST_CASE("a command line that makes no sense is refused") {
  CHECK_FALSE(parse({}));
  CHECK_FALSE(parse({"run"}));
  CHECK_FALSE(parse({"run", "--credential-file", "f", "--credential-fd", "3"}));
  CHECK_FALSE(parse({"run", "--credential-file", "f", "--unready-when", "tired"}));
  CHECK_FALSE(parse({"run", "--credential-file", "f", "--poll-wait", "51"}));
  CHECK_FALSE(parse({"run", "--credential-file", "f", "--poll-wait", "0"}));
  CHECK_FALSE(parse({"run", "--credential-file", "f", "--instance", "a b"}));
  CHECK_FALSE(parse({"status", "--port", "1"}));
}

TEST_CASE("help and version are shown, not refused") {
  for (const char* word : {"--help", "--version"}) {
    const auto command = parse({word});
    REQUIRE(command);
    CHECK(std::get<ShowText>(*command).text.find("secret-sidecar") != std::string::npos);
  }
}

TEST_CASE("status has its own options") {
  const auto command = parse({"status", "--state-dir", "/run/x", "--json"});
  REQUIRE(command);
  CHECK(std::get<StatusOptions>(*command).json);
}

TEST_CASE("a wrong variable for run does not break status") {
  ::setenv("AGENT_SECRETS_SIDECAR_POLL_WAIT", "x", 1);
  CHECK(parse({"status"}));
  ::unsetenv("AGENT_SECRETS_SIDECAR_POLL_WAIT");
}

TEST_CASE("a wrong variable for run stops run, unless the option is on the command line") {
  for (const auto& [option, name, value, good] : std::vector<std::array<const char*, 4>>{
           {"--poll-wait", "AGENT_SECRETS_SIDECAR_POLL_WAIT", "x", "20"},
           {"--poll-wait", "AGENT_SECRETS_SIDECAR_POLL_WAIT", "100000", "20"},
           {"--on-change-timeout", "AGENT_SECRETS_SIDECAR_ON_CHANGE_TIMEOUT", "0", "20"},
           {"--unready-when", "AGENT_SECRETS_SIDECAR_UNREADY_WHEN", "sometimes", "stale"}}) {
    CAPTURE(name, value);
    ::setenv(name, value, 1);
    const auto refused = parse({"run", "--credential-file", "f"});
    CHECK(parse({"run", "--credential-file", "f", option, good}));
    ::unsetenv(name);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find(option) != std::string::npos);
  }
}

}  // namespace
}  // namespace agent_secrets::sidecar
