#include "core/transport.h"

#include "tests/catch.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

TEST_CASE("the server's date is read, and nonsense is not") {
  HttpResponse response;
  CHECK_FALSE(response.date().has_value());
  response.headers["date"] = "Mon, 23 Nov 2026 14:00:00 GMT";
  CHECK(response.date() == 1795442400s);
  response.headers["date"] = "yesterday";
  CHECK_FALSE(response.date().has_value());
}

TEST_CASE("Retry-After is seconds, or a point in time against the answer's own date") {
  HttpResponse response;
  const auto wait = [&](const char* text) {
    response.headers["retry-after"] = text;
    return response.retry_after();
  };
  CHECK_FALSE(response.retry_after().has_value());
  CHECK(wait("0") == 0s);
  CHECK(wait("120") == 120s);
  CHECK(wait("99999999999999999999") == 24h);
  for (const char* nonsense : {"", "-1", "-99999999999999999999", "5x", "soon", "1.5"}) {
    CHECK_FALSE(wait(nonsense).has_value());
  }
  CHECK_FALSE(wait("Mon, 23 Nov 2026 14:02:00 GMT").has_value());
  response.headers["date"] = "Mon, 23 Nov 2026 14:00:00 GMT";
  CHECK(wait("Mon, 23 Nov 2026 14:02:00 GMT") == 2min);
  CHECK(wait("Wed, 23 Nov 2033 14:02:00 GMT") == 24h);
  CHECK_FALSE(wait("Mon, 23 Nov 2026 13:59:59 GMT").has_value());
}
