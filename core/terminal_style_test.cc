#include "core/terminal_style.h"

#include <vector>

#include "tests/catch.h"

using namespace agent_secrets;

namespace {

TerminalStyle style_with(bool is_terminal, std::vector<std::string> variables) {
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  return choose_style(is_terminal, environment.data());
}

}  // namespace

TEST_CASE("colour is for a terminal that has not declined it") {
  CHECK(style_with(true, {}).colour);
  CHECK(style_with(true, {"TERM=xterm", "NO_COLOR="}).colour);
  CHECK_FALSE(style_with(false, {"TERM=xterm"}).colour);
  CHECK_FALSE(style_with(true, {"NO_COLOR=1"}).colour);
  CHECK_FALSE(style_with(true, {"TERM=dumb"}).colour);
}

TEST_CASE("symbols give way to a locale that is set and is not UTF-8") {
  CHECK(style_with(false, {}).symbols);
  CHECK(style_with(false, {"LANG="}).symbols);
  CHECK(style_with(false, {"LANG=en_US.UTF-8"}).symbols);
  CHECK(style_with(false, {"LANG=C.utf8@euro"}).symbols);
  CHECK_FALSE(style_with(true, {"LANG=C"}).symbols);
  CHECK_FALSE(style_with(true, {"LANG=POSIX"}).symbols);
  CHECK_FALSE(style_with(true, {"LANG=de_DE.ISO-8859-1"}).symbols);
  CHECK_FALSE(style_with(true, {"LANG=C.UTF-8", "LC_CTYPE=C"}).symbols);
  CHECK(style_with(true, {"LANG=C", "LC_ALL=C.UTF-8"}).symbols);
}
