#include "injector/explain_environment.h"

#include "core/secret_buffer.h"
#include "tests/catch.h"

using namespace agent_secrets;

namespace {

// "NAME outcome bytes", a variable a string.
std::vector<std::string> explained(std::vector<std::string> image,
                                   const std::vector<EnvironmentPair>& set,
                                   const EnvironmentPolicy& policy = {}) {
  std::vector<char*> pointers;
  for (std::string& entry : image) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  const SecretBuffer block = build_environment_block(set).value();
  const auto entries = parse_environment_block(block).value();
  const auto arranged = arrange(entries, policy).value();
  const auto composed = compose_environment(pointers.data(), arranged.entries, policy);
  REQUIRE(composed.has_value());
  std::vector<std::string> lines;
  for (const auto& variable : explain_environment(pointers.data(), entries, arranged, *composed)) {
    lines.push_back(std::string(variable.name) + " " + std::string(outcome_word(variable.outcome)) +
                    " " + std::to_string(variable.value_bytes));
    if (!variable.key.empty() && variable.key != variable.name)
      lines.back() += " " + std::string(variable.key);
    if (!variable.file.empty()) lines.back() += " in " + std::string(variable.file);
  }
  return lines;
}

EnvironmentPolicy image_wins() {
  EnvironmentPolicy policy;
  policy.on_conflict = OnConflict::keep;
  return policy;
}

EnvironmentPolicy only(std::vector<std::string> keys) {
  EnvironmentPolicy policy;
  policy.only = std::move(keys);
  return policy;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a variable of only the image is kept, and of only the set new") {
  CHECK(explained({"HOME=/root"}, {{"KEY", "12345"}}) == Lines{"HOME kept 5", "KEY new 5"});
}

TEST_CASE("a conflict is listed once, with the value that the command gets") {
  CHECK(explained({"KEY=image"}, {{"KEY", "set"}}) == Lines{"KEY set-wins 3"});
  CHECK(explained({"KEY=image"}, {{"KEY", "set"}}, image_wins()) == Lines{"KEY image-wins 5"});
}

TEST_CASE("a key that --only leaves out is no conflict") {
  CHECK(explained({"KEY=image"}, {{"KEY", "set"}, {"OTHER", "x"}}, only({"OTHER"})) ==
        Lines{"KEY kept 5", "OTHER new 1", "KEY left-out 3"});
}

TEST_CASE("a changed name is listed with the set's key, and a file with the value's size") {
  EnvironmentPolicy policy;
  policy.only = {"A", "JSON"};
  policy.renaming.prefix = "BOT_";
  policy.files = {{.key = "JSON", .variable = "CREDENTIALS", .path = ""}};
  CHECK(explained({"CREDENTIALS=/old"}, {{"A", "1"}, {"JSON", "12345"}, {"OTHER", "x"}}, policy) ==
        Lines{"BOT_A new 1 A", "CREDENTIALS set-wins 5 JSON in /proc/self/fd/100",
              "OTHER left-out 1"});
}

TEST_CASE("the credential variables are removed") {
  CHECK(explained({"AGENT_SECRETS_CREDENTIAL=", "AGENT_SECRETS_CREDENTIAL_FILE=/run/c", "A=1"},
                  {{"K", "v"}}) == Lines{"A kept 1", "K new 1",
                                         "AGENT_SECRETS_CREDENTIAL removed 0",
                                         "AGENT_SECRETS_CREDENTIAL_FILE removed 6"});
}

TEST_CASE("unusual entries of the image are listed unchanged") {
  CHECK(explained({"NOEQUALS", "=C:=x", "A=1", "A=22"}, {{"K", "v"}}) ==
        Lines{" kept 8", " kept 4", "A kept 1", "A kept 2", "K new 1"});
}

TEST_CASE("names that a shell drops") {
  for (const char* name : {"A", "_", "a1", "OPENAI_API_KEY"}) CHECK(survives_a_shell(name));
  for (const char* name : {"", "A-B", "1A", "A.B", "\xc3\xa4"}) CHECK_FALSE(survives_a_shell(name));
}
