#include "core/clock.h"

#include "tests/catch.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

TEST_CASE("a timestamp is UTC with three digits of a second") {
  CHECK(format_timestamp(0ms) == "1970-01-01T00:00:00.000Z");
  CHECK(format_timestamp(1'795'442'526'123ms) == "2026-11-23T14:02:06.123Z");
  CHECK(format_timestamp(1'795'442'526'007ms) == "2026-11-23T14:02:06.007Z");
}

TEST_CASE("a timestamp before 1970 has a fraction that counts up") {
  CHECK(format_timestamp(-1ms) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("a leap day is written as one") {
  CHECK(format_timestamp(1'709'164'800'000ms) == "2024-02-29T00:00:00.000Z");
}

TEST_CASE("the system clock knows the century, and its monotonic reading never falls") {
  const SystemClock clock;
  CHECK(clock.unix_time() > 1'700'000'000'000ms);
  const auto before = clock.monotonic();
  CHECK(clock.monotonic() >= before);
}
