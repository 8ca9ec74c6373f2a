#include "injector/dotenv_parser.h"

#include <string>

#include "tests/catch.h"

using namespace agent_secrets;

namespace {

// "KEY=value|KEY|!line": a pair, a key without a value, a statement that was skipped.
std::string parsed(std::string_view text) {
  SecretBuffer buffer = SecretBuffer::copy_of(text);
  std::string joined;
  for (const DotenvBinding& binding : parse_dotenv(buffer)) {
    if (!joined.empty()) joined += '|';
    if (binding.key.empty()) joined += '!' + std::to_string(binding.line);
    joined += binding.key;
    if (binding.value) joined.append("=").append(*binding.value);
  }
  return joined;
}

}  // namespace

// Each expectation was taken from a run of python-dotenv 1.2.4.
TEST_CASE("an env file is read as python-dotenv reads it") {
  CHECK(parsed("A=1\nB=2") == "A=1|B=2");
  CHECK(parsed("  A  =  1 2  \n# A=0\n\n") == "A=1 2");
  CHECK(parsed("A=1\r\nB=2\rC=3\n") == "A=1|B=2|C=3");
  CHECK(parsed("\xef\xbb\xbf"
               "A=1") == "A=1");
  CHECK(parsed("export A=1\nexport\tB=2\nexportC=3\nexport=4") == "A=1|B=2|exportC=3|export=4");
  CHECK(parsed("A\nB=\nC= # c\nD=#d\n") == "A|B=|C=|D=#d");
  CHECK(parsed("A=1 # c\nB=1#c\nC=a b\t#c # d") == "A=1|B=1#c|C=a b");
  CHECK(parsed("'A B'=1\nA-B.C=2\n") == "A B=1|A-B.C=2");
}

TEST_CASE("quotes keep their content, and each kind of quotes has its escapes") {
  CHECK(parsed("A='x # y'\nB=\"x # y\" # z\n") == "A=x # y|B=x # y");
  CHECK(parsed("A='a\\n\\'b\\\\'") == "A=a\\n'b\\");
  CHECK(parsed("A=\"a\\nb\\tc\\\"d\\qe\"") == "A=a\nb\tc\"d\\qe");
  CHECK(parsed("A=\"one\r\ntwo\"\nB=2") == "A=one\ntwo|B=2");
  CHECK(parsed("A=x\\ny") == "A=x\\ny");
}

TEST_CASE("an invalid statement is skipped to the end of its line") {
  CHECK(parsed("A B=1\nC=1") == "!1|C=1");
  CHECK(parsed("=1\n''=2\nC=3") == "!1|!2|C=3");
  CHECK(parsed("A=\"open\nB=2") == "!1|B=2");
  CHECK(parsed("A='x' y\nB=2") == "!1|B=2");
  CHECK(parsed("A=\"x\\") == "!1");
  CHECK(parsed("'A\nB' x\nC=\"1\n2\"\nD E\n") == "!1|C=1\n2|!5");
}
