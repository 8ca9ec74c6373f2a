#include "injector/sidecar_launch.h"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;

TEST_CASE("a sidecar sees only the variables that are listed for it") {
  std::vector<std::string> strings = {"PATH=/bin",
                                      "HOME=/root",
                                      "OPENAI_API_KEY=canary-value",
                                      "AGENT_SECRETS_CREDENTIAL=seed",
                                      "AGENT_SECRETS_CREDENTIAL_FILE=/f",
                                      "AGENT_SECRETS_LOG=json",
                                      "AGENT_SECRETS_SIDECAR_PORT=1",
                                      "AGENT_SECRETS_SIDECAR_CREDENTIAL_FILE=/watch",
                                      "AGENT_SECRETS_SIDECAR_BOT_PID=1",
                                      "LANG=C",
                                      "TZ=UTC",
                                      "https_proxy=http://proxy:3128",
                                      "NO_PROXY=.internal",
                                      "LD_PRELOAD=/x.so",
                                      "PATHOLOGICAL=1"};
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  const std::vector<char*> chosen = sidecar_environment(pointers.data());
  REQUIRE(chosen.back() == nullptr);
  CHECK(std::vector<std::string>(chosen.begin(), chosen.end() - 1) ==
        std::vector<std::string>{"PATH=/bin", "HOME=/root", "AGENT_SECRETS_LOG=json",
                                 "AGENT_SECRETS_SIDECAR_PORT=1", "LANG=C", "TZ=UTC",
                                 "https_proxy=http://proxy:3128", "NO_PROXY=.internal"});
}

TEST_CASE("the sidecar is found beside the injector, then in PATH, never in a relative directory") {
  const TemporaryDirectory directory;
  directory.write("secret-sidecar", "#!/bin/sh\n");
  REQUIRE(::chmod(directory.path("secret-sidecar").c_str(), 0755) == 0);
  CHECK(find_sidecar(directory.path(), nullptr).value() == directory.path("secret-sidecar"));
  const std::string search_path = "::.:/nonexistent:" + directory.path() + ":/bin";
  CHECK(find_sidecar("/nonexistent", search_path.c_str()).value() ==
        directory.path("secret-sidecar"));
  const auto missing = find_sidecar("/nonexistent", "/also/nonexistent:");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == ErrorCode::not_found);
}

TEST_CASE("find_sidecar() does not return a file that cannot be executed") {
  const TemporaryDirectory directory;
  directory.write("secret-sidecar", "no program");
  REQUIRE(::chmod(directory.path("secret-sidecar").c_str(), 0644) == 0);
  CHECK_FALSE(find_sidecar(directory.path(), nullptr).has_value());
}

TEST_CASE("a sidecar is ready when it reports so, not when it ends or is silent") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const auto silent = await_readiness(reader.get(), std::chrono::milliseconds(0));
  REQUIRE_FALSE(silent.has_value());
  CHECK(silent.error().code == ErrorCode::timed_out);
  REQUIRE(::write(writer.get(), "\n", 1) == 1);
  CHECK(await_readiness(reader.get(), std::chrono::milliseconds(0)).has_value());
  writer.reset();
  const auto ended = await_readiness(reader.get(), std::chrono::milliseconds(0));
  REQUIRE_FALSE(ended.has_value());
  CHECK(ended.error().code == ErrorCode::failed);
}

TEST_CASE("without a pidfd the command line of the sidecar has only the PID") {
  const SidecarLaunch launch{.state_directory = "/run/x", .instance_id = "host", .sequence = 5};
  const auto has = [](const std::vector<std::string>& words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
  };
  CHECK(has(sidecar_words(launch, true), "--bot-pidfd"));
  const std::vector<std::string> words = sidecar_words(launch, false);
  CHECK_FALSE(has(words, "--bot-pidfd"));
  CHECK(has(words, "--bot-pid"));
  CHECK_FALSE(has(words, "--ready-fd"));
}

TEST_CASE("a sidecar may use plain http if the injector may") {
  const auto allows = [](const SidecarLaunch& launch) {
    return std::ranges::count(sidecar_words(launch, true), "--allow-plain-http") == 1;
  };
  CHECK_FALSE(allows({.state_directory = "/run/x", .instance_id = "host"}));
  CHECK(allows({.state_directory = "/run/x", .instance_id = "host", .allow_plain_http = true}));
}
