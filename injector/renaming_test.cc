#include "injector/renaming.h"

#include "tests/catch.h"

using namespace agent_secrets;

TEST_CASE("option --rename wins over --prefix for its key") {
  const Renaming renaming{.renames = {{.from = "A", .to = "B"}}, .prefix = "BOT_"};
  CHECK(renamed("A", renaming) == "B");
  CHECK(renamed("B", renaming) == "BOT_B");
  CHECK(renamed("C", {}) == "C");
}

TEST_CASE("option --rename takes FROM=TO, each FROM once") {
  CHECK(parse_renames({"A=B", "C=D"}).value() ==
        std::vector<Rename>{{.from = "A", .to = "B"}, {.from = "C", .to = "D"}});
  for (const char* word : {"", "A", "=B", "A=", "A=B=C"}) {
    INFO(word);
    CHECK_FALSE(parse_renames({word}).has_value());
  }
  CHECK(parse_renames({"A=B", "A=C"}).error().message == "--rename names A twice");
}

TEST_CASE("a prefix is the beginning of a name") {
  CHECK(check_prefix("BOT_").has_value());
  CHECK_FALSE(check_prefix("BOT=").has_value());
}
