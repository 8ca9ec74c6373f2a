#include "injector/arrangement.h"

#include "tests/catch.h"

using namespace agent_secrets;

namespace {

using Lines = std::vector<std::string>;

struct Scene {
  SecretBuffer block =
      build_environment_block({{"A", "1"}, {"B", "2"}, {"C", "3"}, {"E", ""}}).value();
  std::vector<EnvironmentEntry> set = parse_environment_block(block).value();
  EnvironmentPolicy policy{};

  Lines assignments() {
    const auto arranged = arrange(set, policy);
    REQUIRE(arranged.has_value());
    Lines lines;
    for (const EnvironmentEntry& entry : arranged->entries) {
      CHECK(entry.assignment.starts_with(std::string(entry.key) + '='));
      CHECK(entry.assignment.data()[entry.assignment.size()] == '\0');
      lines.emplace_back(entry.assignment);
    }
    return lines;
  }
  std::string message() {
    const auto arranged = arrange(set, policy);
    REQUIRE_FALSE(arranged.has_value());
    return arranged.error().message;
  }
  void rename(std::string from, std::string to) {
    policy.renaming.renames.push_back({.from = std::move(from), .to = std::move(to)});
  }
  void file(std::string key, std::string variable, std::string path = "") {
    policy.files.push_back(
        {.key = std::move(key), .variable = std::move(variable), .path = std::move(path)});
  }
};

}  // namespace

TEST_CASE("without options each entry points to the set's value, without a copy") {
  Scene scene;
  const auto arranged = arrange(scene.set, scene.policy).value();
  REQUIRE(arranged.entries.size() == 4);
  for (std::size_t i = 0; i < arranged.entries.size(); ++i) {
    CHECK(arranged.entries[i].assignment.data() == scene.set[i].assignment.data());
  }
  CHECK(arranged.renamed.empty());
  CHECK(name_changes(arranged).empty());
}

TEST_CASE("keys get the names of --rename and --prefix, after --only, sorted by name") {
  Scene scene;
  scene.policy.only = {"A", "B", "C"};
  scene.rename("A", "Z");
  scene.policy.renaming.prefix = "P_";
  CHECK(scene.assignments() == Lines{"P_B=2", "P_C=3", "Z=1"});
  CHECK(name_changes(arrange(scene.set, scene.policy).value()) ==
        Lines{"B as P_B", "C as P_C", "A as Z"});
}

TEST_CASE("two keys can swap their names") {
  Scene scene;
  scene.policy.only = {"A", "B"};
  scene.rename("A", "B");
  scene.rename("B", "A");
  CHECK(scene.assignments() == Lines{"A=2", "B=1"});
}

TEST_CASE("the error for two keys with one name has both keys") {
  Scene scene;
  scene.rename("A", "B");
  CHECK(scene.message().ends_with(" would both be B"));
  CHECK(scene.message().find("A") != std::string::npos);
  scene.rename("C", "B");
  CHECK(scene.message() == "A and C would both be B");
  scene.policy.renaming.renames.clear();
  scene.file("A", "C");
  CHECK(scene.message() == "A and C would both be C");
  scene.policy.only = {"A"};
  CHECK(scene.assignments() == Lines{"C=/proc/self/fd/100"});
}

TEST_CASE("a variable of --file holds the path, in the order of the options") {
  Scene scene;
  scene.policy.only = {"A", "B", "C"};
  scene.policy.renaming.prefix = "P_";
  scene.file("B", "");
  scene.file("A", "PATH_OF_A", "/run/x");
  scene.file("C", "PATH_OF_C");
  CHECK(scene.assignments() ==
        Lines{"PATH_OF_A=/run/x", "PATH_OF_C=/proc/self/fd/102", "P_B=/proc/self/fd/100"});
  const auto arranged = arrange(scene.set, scene.policy).value();
  const EntrySource* source = arranged.source_of(arranged.entries[0].assignment.data());
  REQUIRE(source != nullptr);
  CHECK(source->key == "A");
  CHECK(source->value == "1");
  CHECK(source->path == "/run/x");
  CHECK(arranged.source_of("OTHER=1") == nullptr);
}

TEST_CASE("the error has all keys of --file that are missing, left out or empty") {
  Scene scene;
  scene.policy.only = {"A", "E"};
  scene.file("X", "");
  scene.file("B", "");
  scene.file("E", "");
  scene.file("A", "");
  CHECK(scene.message() == "keys for --file are missing: X, B (left out by --only), E (empty)");
}

TEST_CASE("unknown_renames() lists the keys of --rename that the set does not have") {
  Scene scene;
  scene.rename("A", "Z");
  scene.rename("X", "Y");
  CHECK(unknown_renames(scene.set, scene.policy.renaming.renames) == Lines{"X"});
}

TEST_CASE("a file in memory does not get a number that is promised to the command") {
  Scene scene;
  scene.file("A", "F");
  scene.file("B", "G");
  const std::vector<int> taken = {3, kFirstFileDescriptor, kFirstFileDescriptor + 2};
  const auto arranged = arrange(scene.set, scene.policy, taken).value();
  REQUIRE(arranged.entries.size() == 4);
  CHECK(arranged.entries[2].assignment == "F=/proc/self/fd/101");
  CHECK(arranged.entries[3].assignment == "G=/proc/self/fd/103");
}
