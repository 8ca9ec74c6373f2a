#include "core/printable.h"

#include "tests/catch.h"

using namespace agent_secrets;

TEST_CASE("text that a terminal shows as it is stays as it is") {
  for (const char* text : {"", "agent 'bot'", "C:\\x \"quoted\"", "Grüß Gott → 日本 🔑"}) {
    CHECK(printable(text) == text);
  }
}

TEST_CASE("control characters are shown, not obeyed") {
  CHECK(printable("a\r\n\tb\x1b[2J\x7f") == "a\\x0d\\x0a\\x09b\\x1b[2J\\x7f");
  CHECK(printable("\xc2\x9b[2J") == "\\xc2\\x9b[2J");  // C1: another spelling of ESC [
  CHECK(printable({"a\0b", 3}) == "a\\x00b");
}

TEST_CASE("bytes that are not UTF-8 are shown") {
  CHECK(printable("\xff|\xc3|\xc0\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82") ==
        "\\xff|\\xc3|\\xc0\\x80|\\xed\\xa0\\x80|\\xf4\\x90\\x80\\x80|\\xe2\\x82");
}
