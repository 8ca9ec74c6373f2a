#include "injector/file_wish.h"

#include "core/limits.h"
#include "tests/catch.h"

using namespace agent_secrets;

namespace {

FileWish only_wish(const std::string& word) {
  const auto wishes = parse_file_wishes({word});
  REQUIRE(wishes.has_value());
  REQUIRE(wishes->size() == 1);
  return wishes->front();
}

}  // namespace

TEST_CASE("option --file has three forms") {
  CHECK(only_wish("KEY") == FileWish{.key = "KEY", .variable = "", .path = ""});
  CHECK(only_wish("KEY=VAR") == FileWish{.key = "KEY", .variable = "VAR", .path = ""});
  CHECK(only_wish("KEY=VAR:/run/a:b,c") ==
        FileWish{.key = "KEY", .variable = "VAR", .path = "/run/a:b,c"});
  CHECK(has_paths({only_wish("KEY=VAR:/x")}));
  CHECK_FALSE(has_paths({only_wish("KEY=VAR")}));
}

TEST_CASE("a --file of another form is refused") {
  for (const char* word :
       {"", "=VAR", "KEY=", "KEY=:/x", "KEY=A=B", "KEY=VAR:", "KEY=VAR:x/y", "KEY=VAR:/",
        "KEY=VAR:/x/", "KEY=VAR:/x/../y", "KEY=VAR:/x/./y", "KEY=VAR:/x//y", "KEY=VAR://x"}) {
    INFO(word);
    CHECK_FALSE(parse_file_wishes({word}).has_value());
  }
  CHECK_FALSE(parse_file_wishes({"KEY=VAR:/" + std::string(limits::kSecretFilePath, 'x')}));
}

TEST_CASE("a key has at most one file, and a path at most one key") {
  CHECK(parse_file_wishes({"A=X", "A=Y"}).error().message == "--file: A is given twice");
  CHECK(parse_file_wishes({"A=X:/f", "B=Y:/f"}).error().message ==
        "--file: two keys have the path /f");
  CHECK(parse_file_wishes({"A", "B", "C=D"}).value().size() == 3);
}

TEST_CASE("the number of files is limited") {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < limits::kSecretFiles; ++i) words.push_back("K" + std::to_string(i));
  CHECK(parse_file_wishes(words).has_value());
  words.emplace_back("ONE_MORE");
  CHECK_FALSE(parse_file_wishes(words).has_value());
}
