#include "injector/duration.h"

#include "tests/catch.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

TEST_CASE("a duration is a number and a unit") {
  CHECK(parse_duration("90s") == 90s);
  CHECK(parse_duration("30m") == 30min);
  CHECK(parse_duration("24h") == 24h);
  CHECK(parse_duration("7d") == 168h);
  CHECK(parse_duration("15") == 15s);
  CHECK(parse_duration("0") == 0s);
}

TEST_CASE("an invalid duration is refused") {
  for (const char* text : {"", "s", "-1s", "+1s", "1.5h", "1w", "1 h", "1hh", "0x10", "4294967296",
                           "4294967295d", " 1s"}) {
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("a duration is printed in its two largest units") {
  CHECK(format_duration(0s) == "0s");
  CHECK(format_duration(59s) == "59s");
  CHECK(format_duration(61s) == "1m 1s");
  CHECK(format_duration(3600s) == "1h");
  CHECK(format_duration(7530s) == "2h 5m");
  CHECK(format_duration(76h) == "3d 4h");
}
