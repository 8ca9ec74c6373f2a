#include "control-plane/rest-api/errors.h"

#include "tests/catch.h"

namespace agent_secrets::control_plane {

TEST_CASE("a database that cannot be reached is answered with 503 and when to try again") {
  const Log log("test", LogLevel::error, LogFormat::text);
  const Error error{.code = ErrorCode::unavailable, .message = "database: no answer in time"};
  const Response response = error_response(Request{}, error, log);
  CHECK(response.status == 503);
  CHECK(response.body.find("no answer in time") == std::string::npos);
  const std::pair<std::string, std::string> retry{"Retry-After", "2"};
  CHECK(std::ranges::find(response.headers, retry) != response.headers.end());
}

}  // namespace agent_secrets::control_plane
