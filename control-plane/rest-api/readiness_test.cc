#include "control-plane/rest-api/readiness.h"

#include "control-plane/rest-api/test_api.h"

namespace agent_secrets::control_plane {

TEST_CASE("whether the server is ready is told without a token") {
  RestFixture api;
  CHECK(api.ask("GET", "/readyz", "", "").text == R"({"ready":true})");
  api.ready = fail(ErrorCode::unavailable, "The catalog cannot be read");
  const Answer answer = api.ask("GET", "/readyz", "", "");
  CHECK(answer.status == 503);
  CHECK(answer.body.at("error") == "The catalog cannot be read");
}

}  // namespace agent_secrets::control_plane
