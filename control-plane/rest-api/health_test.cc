#include "control-plane/rest-api/health.h"

#include "control-plane/rest-api/test_api.h"

namespace agent_secrets::control_plane {

TEST_CASE("whether the server is ready is told without a token") {
  RestFixture api;
  CHECK(api.ask("GET", "/readyz", "", "").text ==
        R"({"ready":true,"checks":{"catalog":"ok","provisioning":"ok"}})");
  api.catalog_problem = "The catalog cannot be read";
  const Answer answer = api.ask("GET", "/readyz", "", "");
  CHECK(answer.status == 503);
  CHECK(answer.body.at("ready") == false);
  CHECK(answer.body.at("error") == "The catalog cannot be read");
  CHECK(answer.body.at("checks").at("catalog") == "The catalog cannot be read");
  CHECK(answer.body.at("checks").at("provisioning") == "ok");
}

TEST_CASE("an excluded check is shown and does not decide") {
  RestFixture api;
  api.catalog_problem = "The catalog cannot be read";
  const Answer excluded = api.ask("GET", "/readyz?exclude=provisioning,catalog", "", "");
  CHECK(excluded.status == 200);
  CHECK(excluded.body.at("checks").at("catalog") == "The catalog cannot be read");
  CHECK(api.ask("GET", "/readyz?exclude=cat", "", "").status == 503);
}

TEST_CASE("the server says that it is alive without a token, whatever is not ready") {
  RestFixture api;
  api.catalog_problem = "The catalog cannot be read";
  CHECK(api.ask("GET", "/livez", "", "").text == R"({"alive":true})");
}

}  // namespace agent_secrets::control_plane
