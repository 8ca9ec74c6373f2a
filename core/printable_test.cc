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

TEST_CASE("what shows nothing or turns text around is shown, not obeyed") {
  CHECK(printable("a\u202eb") == "a\\xe2\\x80\\xaeb");       // right-to-left override
  CHECK(printable("a\u2066b") == "a\\xe2\\x81\\xa6b");       // isolate
  CHECK(printable("\u2028") == "\\xe2\\x80\\xa8");           // line separator
  CHECK(printable("\ufeffx") == "\\xef\\xbb\\xbfx");         // byte order mark
  CHECK(printable("\U000e0041") == "\\xf3\\xa0\\x81\\x81");  // tag
}

TEST_CASE("a name is plain text when each of its characters shows") {
  for (const char* text : {"", "Grüß Gott → 日本 🔑", "❤\ufe0f", "שלום", "a b"}) {
    INFO(text);
    CHECK(is_plain_text(text));
  }
  for (const char* text :
       {"a\nb",       "a\tb",       "\x7f",   "\u0080", "\u009b[2J",   "\u009f", "\u00ad", "\u061c",
        "\u115f",     "\u180e",     "\u200b", "\u200d", "\u200e",      "\u200f", "\u2028", "\u2029",
        "\u202a",     "\u202e",     "\u2060", "\u2066", "\u2069",      "\u3164", "\ufeff", "\ufff9",
        "\U000e0001", "\U000e007f", "\xff",   "\xc3",   "\xed\xa0\x80"}) {
    INFO(printable(text));
    CHECK_FALSE(is_plain_text(text));
  }
  CHECK_FALSE(is_plain_text({"a\0b", 3}));
}

TEST_CASE("lines stay lines where text of several is printed") {
  CHECK(printable_lines("one\ntwo\r\n\x1b[2J") == "one\ntwo\\x0d\n\\x1b[2J");
}

TEST_CASE("JSON says the same with every hidden character escaped") {
  CHECK(printable_json("{\"a\":\"\u009b\u202e\U000e0041é\"}") ==
        "{\"a\":\"\\u009b\\u202e\\udb40\\udc41é\"}");
  CHECK(printable_json("\xff|\xc3") == "\\ufffd|\\ufffd");
}

TEST_CASE("bytes that are not UTF-8 are shown") {
  CHECK(printable("\xff|\xc3|\xc0\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82") ==
        "\\xff|\\xc3|\\xc0\\x80|\\xed\\xa0\\x80|\\xf4\\x90\\x80\\x80|\\xe2\\x82");
}
