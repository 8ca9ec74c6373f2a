#include "control-plane/catalog/rules.h"

#include "core/limits.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

Result<void> value_check(std::string_view text) {
  return check_value("KEY", SecretBuffer::copy_of(text));
}

}  // namespace

TEST_CASE("set names follow the rules of Pipecat Cloud") {
  for (const char* good : {"abc", "a-b", "bot.secrets", "a1.b-2.c3", "000"}) {
    CHECK(check_set_name(good));
  }
  for (const char* bad : {"", "ab", "My_Set", "My.Set", "-abc", "abc-", "a..b", ".abc", "abc.",
                          "a.-b", "a b", "abc/", "../x"}) {
    CHECK_FALSE(check_set_name(bad));
  }
  CHECK(check_set_name(std::string(63, 'a')));
  CHECK_FALSE(check_set_name(std::string(64, 'a')));
}

TEST_CASE("keys have 1 to 64 letters, digits, _ and -") {
  CHECK(check_key("OPENAI_API_KEY"));
  CHECK(check_key(std::string(64, 'k')));
  CHECK_FALSE(check_key(std::string(65, 'k')));
  for (const char* bad : {"", "bad key", "A=B", "A.B", "\xc3\xa9"}) CHECK_FALSE(check_key(bad));
}

TEST_CASE("a value is non-empty UTF-8 without NUL, and fits into an environment variable") {
  CHECK(value_check("line one\nline two \"quoted\" \xc3\xa9"));
  CHECK(value_check(std::string(limits::kEnvironmentString - 5, 'x')));
  CHECK_FALSE(value_check(std::string(limits::kEnvironmentString - 4, 'x')));
  CHECK_FALSE(value_check(""));
  CHECK_FALSE(value_check(std::string_view("a\0b", 3)));
  CHECK_FALSE(value_check("\xff\xfe"));
}

TEST_CASE("the error for a value names the key and not the value") {
  auto refused = value_check(std::string_view("hunter2\0", 8));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("'KEY'") != std::string::npos);
  CHECK(refused.error().message.find("hunter2") == std::string::npos);
}

TEST_CASE("shown() replaces square brackets and control characters, and shortens the name") {
  CHECK(shown("a[/b]\n\x1b[0m") == "'a?/b????0m'");
  CHECK(shown(std::string(100, 'n')) == "'" + std::string(64, 'n') + "…'");
}

TEST_CASE("a title has only visible characters") {
  for (const char* good : {"a", "Grüß Gott 🔑", "CI (main)"}) CHECK(check_title("name", good));
  for (const char* bad :
       {"", "a\nb", "[a]", "a\u009b2J", "a\u202eb", "\u200b", "\ufeffa", "a\xff"}) {
    const auto refused = check_title("name", bad);
    REQUIRE_FALSE(refused);
    CHECK(is_showable(refused.error().message));
  }
}

TEST_CASE("agent names are labels of 2 to 54 characters") {
  for (const char* good : {"ab", "bot-1", "0a"}) CHECK(check_agent_name(good));
  for (const char* bad : {"", "a", "Bot", "bot_1", "-bot", "bot-", "bo.t"}) {
    CHECK_FALSE(check_agent_name(bad));
  }
  CHECK(check_agent_name(std::string(54, 'a')));
  CHECK_FALSE(check_agent_name(std::string(55, 'a')));
}

TEST_CASE("the limits of a scaling are checked") {
  CHECK(check_scaling({.min_agents = 0, .max_agents = 1}));
  CHECK_FALSE(check_scaling({.min_agents = -1, .max_agents = 1}));
  CHECK_FALSE(check_scaling({.min_agents = 0, .max_agents = 0}));
  CHECK_FALSE(check_scaling({.min_agents = 3, .max_agents = 2}));
}

}  // namespace agent_secrets::control_plane
