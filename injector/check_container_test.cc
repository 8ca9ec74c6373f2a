// What `check` finds in the container: environment, names, files, env files and the command.
#include <filesystem>

#include <sys/stat.h>

#include "injector/test_check.h"

using namespace agent_secrets;

TEST_CASE("a fault of the container fails the check with the exit code of a start") {
  CheckScene scene;
  scene.region_answers();
  scene.options.environment.require = {"MISSING"};
  fails_at(scene.check(), "environment", kExitInjectorFailed);
  scene.options.environment.require.clear();
  scene.options.command = {"no-such-program"};
  fails_at(scene.check(), "command", kExitNotFound);
  scene.options.command = {scene.directory.path("credential")};
  fails_at(scene.check(), "command", kExitNotExecutable);
  scene.options.credential_file = scene.directory.path("absent");
  fails_at(scene.check(), "credential", kExitInjectorFailed);
  CHECK(scene.observed == "credential ");
}

TEST_CASE("conditions that a start only warns about are warnings of the check") {
  CheckScene scene;
  scene.region_answers();
  scene.region.values = {{"1ST", "v"}, {"A-B", "v"}, {"OPENAI_API_KEY", "v"}};
  scene.directory.write(".env", "export OPENAI_API_KEY=other\nLOG_LEVEL=debug\n");
  scene.options.environment.only = {"1ST", "A-B", "OPENAI_API_KEY", "TYPO"};
  scene.options.state_directory = "/proc/no/such";
  REQUIRE(::chmod(scene.directory.path("credential").c_str(), 0444) == 0);
  const CheckReport report = scene.check();
  CHECK(exit_code_of(report) == kExitWarnings);
  for (const char* name : {"credential", "environment", "names", "dotenv", "state"}) {
    INFO(name);
    CHECK(step_named(report, name).status == StepStatus::warning);
    CHECK_FALSE(step_named(report, name).hint.empty());
  }
  CHECK(step_named(report, "environment").detail.ends_with("no set has: TYPO"));
  CHECK(step_named(report, "names").detail == "a shell drops: 1ST, A-B");
  CHECK(step_named(report, "dotenv").detail.ends_with("the injected: OPENAI_API_KEY"));
}

TEST_CASE("conflicts and keys that --only leaves out are shown without a warning") {
  CheckScene scene;
  scene.region_answers();
  scene.image.emplace_back("KEY=image");
  scene.region.values = {{"KEY", "v"}, {"OTHER", "v"}, {"THIRD", "v"}};
  scene.options.environment.only = {"KEY", "OTHER"};
  const CheckReport report = scene.check();
  CHECK(exit_code_of(report) == 0);
  CHECK(step_named(report, "environment").detail ==
        "2 keys; 1 replace the image's: KEY; 1 left out by --only: THIRD");
  scene.options.environment.on_conflict = OnConflict::fail;
  fails_at(scene.check(), "environment", kExitInjectorFailed);
}

TEST_CASE("new names and files are shown with the set's keys, and no file is made at a path") {
  CheckScene scene;
  scene.region_answers();
  scene.region.values = {{"KEY", "v"}, {"OTHER", "v"}, {"THIRD", "v"}};
  EnvironmentPolicy& environment = scene.options.environment;
  environment.renaming.renames = {{.from = "KEY", .to = "BOT_KEY"}, {.from = "TYPO", .to = "X"}};
  const std::string path = scene.directory.path("files/third");
  environment.files = {{.key = "OTHER", .variable = "IN_MEMORY", .path = ""},
                       {.key = "THIRD", .variable = "AT_PATH", .path = path}};
  scene.options.allow_disk = true;
  const CheckReport report = scene.check();
  CHECK(step_named(report, "environment")
            .detail.find("3 renamed: THIRD as AT_PATH, KEY as BOT_KEY, OTHER as IN_MEMORY") !=
        std::string::npos);
  CHECK(step_named(report, "environment").detail.ends_with("--rename names what no set has: TYPO"));
  CHECK(step_named(report, "files").detail ==
        "THIRD as AT_PATH in " + path + ", OTHER as IN_MEMORY in /proc/self/fd/100");
  CHECK_FALSE(std::filesystem::exists(scene.directory.path("files")));
  environment.files[1].path = "/proc/no/such/file";
  fails_at(scene.check(), "files", kExitInjectorFailed);
}

TEST_CASE(
    "names that the image usually sets are a warning with a reason, unless --allow has them") {
  CheckScene scene;
  scene.region_answers();
  scene.region.values = {{"ENV", "production"}, {"KEY", "v"}, {"PORT", "7860"}};
  const CheckReport report = scene.check();
  CHECK(exit_code_of(report) == kExitWarnings);
  CHECK(step_named(report, "environment").detail.find("ENV (is read by") != std::string::npos);
  CHECK(step_named(report, "environment").detail.find("PORT (sets how") != std::string::npos);
  scene.options.environment.allow = {"ENV", "PORT"};
  CHECK(exit_code_of(scene.check()) == 0);
}

TEST_CASE("a start without secrets is a warning with a hint") {
  CheckScene scene;
  scene.region_answers();
  scene.region.values = {};
  const CheckReport empty_set = scene.check();
  CHECK(exit_code_of(empty_set) == kExitWarnings);
  CHECK(step_named(empty_set, "open").status == StepStatus::warning);
  CHECK(step_named(empty_set, "open").hint.starts_with("write keys into the set"));

  scene.region.facts.sets.clear();
  const CheckReport no_set = scene.check();
  CHECK(step_named(no_set, "bundle").status == StepStatus::warning);
  CHECK(step_named(no_set, "bundle").hint.starts_with("deploy the agent with a secret set"));
  CHECK(step_named(no_set, "open").status == StepStatus::ok);
}

TEST_CASE("env files need no credential, no network and no cache") {
  CheckScene scene;
  scene.options.credential_file.clear();
  scene.directory.write(".env", "KEY=v\n");
  scene.options.env_files = {scene.directory.path(".env")};
  const CheckReport report = scene.check();
  CHECK(scene.observed == "env-file environment limits names dotenv state ");
  CHECK(exit_code_of(report) == 0);
  CHECK(step_named(report, "dotenv").detail.ends_with("is the env file itself"));
  CHECK(scene.transport.requests.empty());
  scene.options.env_files = {scene.directory.path("absent")};
  fails_at(scene.check(), "env-file", kExitInjectorFailed);
}

TEST_CASE("a key that the official CLI would store with another value is a warning with a reason") {
  CheckScene scene;
  scene.options.credential_file.clear();
  scene.directory.write(".env", "A='x'\nB=\nC=fine\nnot a pair\n");
  scene.options.env_files = {scene.directory.path(".env")};
  const CheckReport report = scene.check();
  CHECK(exit_code_of(report) == kExitWarnings);
  const Step step = step_named(report, "env-file");
  CHECK(step.status == StepStatus::warning);
  CHECK(step.detail.find("/.env:2: the value is empty; `secrets set --file` would store "
                         "something else: A (single quotes), B (empty)") != std::string::npos);
}

TEST_CASE("a script with a missing interpreter fails the step command") {
  CheckScene scene;
  scene.region_answers();
  const std::string script = scene.directory.path("bot");
  scene.options.command = {script};
  scene.directory.write("bot", "#!/no/such/python -u\n");
  REQUIRE(::chmod(script.c_str(), 0755) == 0);
  fails_at(scene.check(), "command", kExitNotFound);
  scene.directory.write("bot", "#!/bin/sh\r\n");
  fails_at(scene.check(), "command", kExitNotFound);
  scene.directory.write("bot", "echo no first line\n");
  CHECK(step_named(scene.check(), "command").status == StepStatus::warning);
  scene.directory.write("bot", "#! /bin/sh\n");
  CHECK(step_named(scene.check(), "command").detail == script + ", run by /bin/sh");
}
