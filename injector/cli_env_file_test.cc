#include "injector/cli_env_file.h"

#include "tests/catch.h"

using namespace agent_secrets;

namespace {

// "KEY=value|KEY=value", or the message of the error.
std::string parsed(std::string_view text) {
  const auto pairs = parse_cli_env_file(text, "f");
  if (!pairs) return pairs.error().message;
  std::string joined;
  for (const EnvironmentPair& pair : *pairs) {
    if (!joined.empty()) joined += '|';
    joined.append(pair.key).append("=").append(pair.value);
  }
  return joined;
}

}  // namespace

// Each expectation was taken from a run of the official CLI.
TEST_CASE("an env file is read as the official CLI reads it") {
  CHECK(parsed("A=1\nB=2") == "A=1|B=2");
  CHECK(parsed("\n  # comment\n\t\nA=1\n") == "A=1");
  CHECK(parsed("  A  =  1 2  \n") == "A=1 2");
  CHECK(parsed("E==a=b") == "E==a=b");
  CHECK(parsed("A=1 # not a comment") == "A=1 # not a comment");
  CHECK(parsed("my-KEY_1=1") == "my-KEY_1=1");
  CHECK(parsed("A=1\r\nB=2\rC=3\r\n") == "A=1|B=2|C=3");
}

TEST_CASE("a key that the CLI refuses is refused, with a hint") {
  const auto hint = [](std::string_view text) {
    const auto pairs = parse_cli_env_file(text, "f");
    REQUIRE_FALSE(pairs.has_value());
    return pairs.error().hint;
  };
  CHECK(parsed("A=1\nexport B=1") == "f:2: no valid key in front of the '='");
  CHECK(hint("export B=1") == "leave `export` out");
  CHECK(hint("\xef\xbb\xbf"
             "A=1") == "save the file without a byte order mark");
  for (const char* key : {"A B", "A.B", "\"A\"", "\xc3\xa9", "A\tB", "$A"}) {
    CHECK(hint(std::string(key) + "=1") == "use letters, digits, '_' and '-' in a key");
  }
  CHECK(parsed(std::string(64, 'K') + "=1") == std::string(64, 'K') + "=1");
  CHECK(parsed(std::string(65, 'K') + "=1") == "f:1: the key has more than 64 characters");
}

TEST_CASE("one pair of double quotes is removed, and other quotes are kept") {
  CHECK(parsed("A=\"x\"") == "A=x");
  CHECK(parsed("A=\"x\" y \"z\"") == "A=x\" y \"z");
  CHECK(parsed("B=\"\"x\"\"") == "B=\"x\"");
  CHECK(parsed("A='x'") == "A='x'");
  CHECK(parsed("A=\"x") == "A=\"x");
  CHECK(parsed("A=\" x \"") == "A= x ");
  CHECK(parsed("A=\"\\n\"") == "A=\\n");
}

TEST_CASE("white space is stripped as Python strips it") {
  CHECK(parsed("\xc2\xa0"
               "A\xe2\x80\x89=\xe3\x80\x80"
               "1\x1f\n") == "A=1");
  CHECK(parsed("A=1\xe2\x80\x8b") == "A=1\xe2\x80\x8b");  // a zero width space is none
}

TEST_CASE("the error for an invalid line has the file and the line number, not the content") {
  CHECK(parsed("A=1\n\nhunter2\n") == "f:3: no '=' in the line");
  CHECK(parsed("=hunter2") == "f:1: the key is empty");
  CHECK(parsed("A=") == "f:1: the value is empty");
  CHECK(parsed("A=\"\"") == "f:1: the value is empty");
  CHECK(parsed("A=\"") == "f:1: the value is empty");
  CHECK(parsed("A=\xff") == "f: not valid UTF-8");
  CHECK(parsed("") == "f: no KEY=value in it");
  CHECK(parsed("# only this") == "f: no KEY=value in it");
}
