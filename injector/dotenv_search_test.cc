#include "injector/dotenv_search.h"

#include <filesystem>

#include <sys/stat.h>

#include "core/limits.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;
using Strings = std::vector<std::string>;

namespace {

class Project {
 public:
  Project() { std::filesystem::create_directories(directory.path("src/deep")); }

  FoundDotenv find(const Strings& command, const Strings& env_files = {},
                   std::string variable = "") const {
    std::vector<char*> environment = {variable.data(), nullptr};
    return find_dotenv({.command = command,
                        .env_files = env_files,
                        .environment = environment.data(),
                        .working_directory = directory.path("src")});
  }

  TemporaryDirectory directory;
};

}  // namespace

TEST_CASE("a .env is found in the file's directory, or in a directory above it") {
  Project project;
  const auto& directory = project.directory;
  directory.write(".env", "");
  CHECK(project.find({"python", "bot.py"}).path == directory.path(".env"));
  directory.write("src/.env", "");
  CHECK(project.find({"python", "bot.py"}).path == directory.path("src/.env"));
  CHECK(project.find({"python", "deep/bot.py"}).path == directory.path("src/.env"));
  CHECK(project.find({"python", "../bot.py"}).path == directory.path(".env"));
  CHECK(project.find({"uvicorn", "bot:app"}).path == directory.path("src/.env"));
}

TEST_CASE("a directory named .env is skipped, and a FIFO is found and not read") {
  Project project;
  const auto& directory = project.directory;
  directory.write(".env", "");
  std::filesystem::create_directory(directory.path("src/.env"));
  CHECK(project.find({"python", "bot.py"}).path == directory.path(".env"));
  REQUIRE(::mkfifo(directory.path("src/deep/.env").c_str(), 0600) == 0);
  const FoundDotenv found = project.find({"python", "deep/bot.py"});
  CHECK(found.path == directory.path("src/deep/.env"));
  CHECK(found.is_fifo);
}

TEST_CASE("a .env that is an --env-file is recognised by its file, not by its name") {
  Project project;
  const auto& directory = project.directory;
  directory.write(".env", "");
  CHECK(project.find({}, {directory.path("src/../.env")}).is_env_file);
  directory.write("other", "");
  CHECK_FALSE(project.find({}, {directory.path("other"), directory.path("absent")}).is_env_file);
}

TEST_CASE("no .env is found if python-dotenv is disabled") {
  Project project;
  project.directory.write("src/.env", "");
  CHECK(project.find({}, {}, "PYTHON_DOTENV_DISABLED=True").path.empty());
  CHECK_FALSE(project.find({}, {}, "PYTHON_DOTENV_DISABLED=0").path.empty());
}

namespace {

std::string warning(const Project& project, const Strings& keys, LogLevel level,
                    std::string image_entry = "PATH=/bin") {
  std::string text;
  std::vector<EnvironmentEntry> set;
  for (const std::string& key : keys) text += key + "=injected" + '\0';
  SecretBuffer block(text.size());
  std::ranges::copy(text, block.expose().begin());
  set = *parse_environment_block(block);
  std::vector<char*> image = {image_entry.data(), nullptr};
  Options options;
  options.command = {"python", project.directory.path("src/bot.py")};
  const auto arranged = arrange(set, options.environment);
  REQUIRE(arranged.has_value());
  const auto composed = compose_environment(image.data(), arranged->entries, options.environment);
  REQUIRE(composed.has_value());
  const CapturedLog captured(level);
  warn_of_dotenv(options, image.data(), set, *arranged, *composed, captured.log());
  return captured.text();
}

}  // namespace

TEST_CASE("a start warns of injected keys in the .env without their values") {
  Project project;
  CHECK(warning(project, {"A", "B"}, LogLevel::warning).empty());
  project.directory.write(".env", "B=canary\nC=canary\n");
  CHECK(warning(project, {"A"}, LogLevel::warning).empty());
  CHECK(warning(project, {"A", "B"}, LogLevel::warning) ==
        "warning program: a .env has injected keys: load_dotenv(override=True) would use its "
        "values file=" +
            project.directory.path(".env") +
            " keys=B hint=\"call load_dotenv() without override, or take the keys out of that "
            "file\"\n");
  CHECK(warning(project, {"A", "B"}, LogLevel::error).empty());
}

TEST_CASE("the warning names at most ten keys") {
  Project project;
  Strings keys;
  std::string text;
  for (char letter = 'A'; letter <= 'L'; ++letter) {
    keys.emplace_back(1, letter);
    text += keys.back() + "=x\n";
  }
  project.directory.write("src/.env", text);
  CHECK(warning(project, keys, LogLevel::warning)
            .find("\"A, B, C, D, E, F, G, H, I, J and 2 more\"") != std::string::npos);
}
