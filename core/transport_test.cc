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
