#include "injector/env_file.h"

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;

namespace {

struct Scene {
  TemporaryDirectory directory;
  EnvFileOptions options;

  Result<EnvFiles> read(std::string_view text) {
    directory.write("f", text);
    return read_env_files({directory.path("f")}, options);
  }
  // "KEY=value|KEY=value", sorted by key, or the message of the error.
  std::string values(std::string_view text) {
    const auto files = read(text);
    if (!files) return files.error().message;
    std::string joined;
    const auto entries = parse_environment_block(files->block);
    for (const EnvironmentEntry& entry : *entries) {
      joined.append(joined.empty() ? "" : "|").append(entry.assignment);
    }
    return joined;
  }
  // "KEY: reason|KEY: reason".
  std::string differences(std::string_view text) {
    std::string joined;
    const auto files = read(text);
    for (const CliDifference& difference : files->differences) {
      joined.append(joined.empty() ? "" : "|").append(difference.key);
      joined.append(": ").append(difference.reason);
    }
    return joined;
  }
};

}  // namespace

TEST_CASE("a later line or a later file replaces a value") {
  const TemporaryDirectory directory;
  directory.write("one", "A=1\nB=1\nB=2\n");
  directory.write("two", "A=3\n");
  const auto files = read_env_files({directory.path("one"), directory.path("two")});
  REQUIRE(files.has_value());
  CHECK(files->block.expose_text() == std::string_view("A=3\0B=2\0", 8));
}

TEST_CASE("a key without an equals sign removes the key within its file") {
  CHECK(Scene().values("A=1\nB=2\nA\n") == "B=2");
}

TEST_CASE("a file that is missing or too large is an error that names it") {
  const TemporaryDirectory directory;
  const auto missing = read_env_files({directory.path("none")});
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().message ==
        "env file: open " + directory.path("none") + ": no such file or directory");
  directory.write("large", "A=" + std::string(5 * 1024 * 1024, 'x'));
  CHECK(read_env_files({directory.path("large")}).error().code == ErrorCode::too_large);
}

TEST_CASE("the error for a value that an environment cannot hold has the key, not the value") {
  CHECK(Scene().values(std::string_view("A=x\0y\n", 6)) == "env file: the value of 'A' has a NUL");
  CHECK(Scene().values("'A=B'=1\n") == "env file: key 'A=B' has a '='");
  CHECK(Scene().values("A=\xff").ends_with("not valid UTF-8"));
}

TEST_CASE("a line that python-dotenv cannot read is skipped and reported by its number") {
  const auto files = Scene().read("A=1\n\nhunter 2\nB=\"open\nC=3\n");
  REQUIRE(files.has_value());
  REQUIRE(files->skipped.size() == 2);
  CHECK(files->skipped[0].line == 3);
  CHECK(files->skipped[1].line == 4);
  CHECK(files->block.expose_text() == std::string_view("A=1\0C=3\0", 8));
}

TEST_CASE("with --env-format cli a file is accepted or refused as by the CLI") {
  Scene scene;
  scene.options.format = EnvFormat::cli;
  CHECK(scene.values("A='x' # y\n") == "A='x' # y");
  CHECK(scene.values("A=\n").ends_with(":1: the value is empty"));
}

TEST_CASE("a key that the CLI would store with another value is reported with a reason") {
  Scene scene;
  CHECK(scene.differences("A=1\nB=\"x y\"\nC = z\n").empty());
  CHECK(scene.differences("A=1 # note\n") == "A: inline comment");
  CHECK(scene.differences("A='x'\n") == "A: single quotes");
  CHECK(scene.differences("A=\"x\ny\"\n") == "A: more than one line");
  CHECK(scene.differences("A=\n") == "A: empty");
  CHECK(scene.differences("export A=1\n") == "A: export");
  CHECK(scene.differences("'A'=1\n") == "A: quoted key");
  CHECK(scene.differences("A=\"x\\n\"\n") == "A: escapes");
  CHECK(scene.differences("\xef\xbb\xbf"
                          "A=1\nB=2\n") == "A: byte order mark");
  CHECK(scene.differences("A.B=1\n") == "A.B: a name that a set cannot have");
  CHECK(scene.differences("A=1\nB=\"x\nA=2\n\"\n") ==
        "A: another line of the file|B: more than one line");
  CHECK(scene.differences("A=1\nA\n") == "A: taken back by a line without '='");
}

TEST_CASE("a key that only the CLI reads is not reported: it may be a part of a value") {
  CHECK(Scene().differences("A=\"begin\nabc==\nend\"\n") == "A: more than one line");
  CHECK(Scene().differences("A=\"open\nB=1\n").empty());
}

TEST_CASE("the reason why the CLI would refuse a file has the line, without a value") {
  const auto files = Scene().read("A=1\nhunter2\nB=2\n");
  REQUIRE(files.has_value());
  REQUIRE(files->cli_refusals.size() == 1);
  CHECK(files->cli_refusals[0].ends_with(":2: no '=' in the line"));
  // python-dotenv skips the line with the NUL, because its quotes are open.
  CHECK(Scene().read(std::string_view("A=1\nB=\"\0\n", 9))->cli_refusals.size() == 1);
  CHECK(Scene().read("A=1\n")->cli_refusals.empty());
  CHECK(Scene().read("# nothing to upload\n")->cli_refusals.empty());
}

TEST_CASE("variables in values are expanded only with --expand") {
  Scene scene;
  CHECK(scene.values("A=1\nB=${A}$A\n") == "A=1|B=${A}$A");
  scene.options.expand = true;
  CHECK(scene.values("A=1\nB=${A}$A\n") == "A=1|B=1$A");
  CHECK(scene.values("B=${A:-d}${C:-}${D}x\n") == "B=dx");
  CHECK(scene.values("A=\nB=${A:-d}\n") == "A=|B=");        // known, and empty
  CHECK(scene.values("B=${A:+d}${A\n") == "B=${A:+d}${A");  // no form of a variable
  CHECK(scene.values("A=1\nA=${A}2\nB=${A}\n") == "A=12|B=12");
}

TEST_CASE("a variable of the file is preferred to the image's, except with --on-conflict keep") {
  Scene scene;
  scene.options = {.expand = true, .image = [](std::string_view name) {
                     return name == "HOME" ? std::optional<std::string_view>("/root")
                                           : std::nullopt;
                   }};
  CHECK(scene.values("B=${HOME}/x\n") == "B=/root/x");
  CHECK(scene.values("HOME=/h\nB=${HOME}\n") == "B=/h|HOME=/h");
  scene.options.image_first = true;
  CHECK(scene.values("HOME=/h\nB=${HOME}\n") == "B=/root|HOME=/h");
}

TEST_CASE("a value that expands beyond the limit of one variable is an error") {
  Scene scene;
  scene.options.expand = true;
  std::string text = "K0=0123456789\n";
  for (int i = 1; i < 40; ++i) {
    text += "K" + std::to_string(i) + "=${K" + std::to_string(i - 1) + "}${K" +
            std::to_string(i - 1) + "}\n";
  }
  const auto files = scene.read(text);
  REQUIRE_FALSE(files.has_value());
  CHECK(files.error().code == ErrorCode::too_large);
  CHECK(files.error().message.find(":15: K14: expanded") != std::string::npos);
}
