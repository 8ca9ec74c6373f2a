// The routes of secrets, agents, regions and properties.
#include <string>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "control-plane/rest-api/test_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;
using Fixture = RestFixture;

TEST_CASE("no token or a wrong one is 401, in each family's code") {
  Fixture api;
  CHECK(api.ask("GET", "/v1/organizations/acme/secrets", "", "").body ==
        error("Unauthorized", "401"));
  CHECK(api.ask("GET", "/v1/organizations/acme/secrets", "", "pcc_pat_no").status == 401);
  CHECK(api.ask("GET", "/v1/secrets", "", "").body == error("Unauthorized", "UNAUTHORIZED"));
}

TEST_CASE("an unknown and a foreign organization get the same 403") {
  Fixture api;
  const Answer foreign = api.ask("GET", "/v1/organizations/other/secrets");
  CHECK(foreign.status == 403);
  CHECK(foreign.text == api.ask("GET", "/v1/organizations/nobody/secrets").text);
  CHECK(api.ask("PUT", "/v1/organizations/other/secrets/set1",
                R"({"secretKey":"A","secretValue":"1"})")
            .status == 403);
}

TEST_CASE("a set is written, read and listed without its values") {
  Fixture api;
  CHECK(api.org("GET", "/secrets").text == R"({"sets":[]})");
  CHECK(api.org("GET", "/secrets/set1").body == error("Set not found", "404"));
  const Answer put = api.org("PUT", "/secrets/set1", R"({"secretKey":"A","secretValue":"canary"})");
  CHECK(put.status == 202);
  CHECK(put.text == R"({"status":"OK","region":"us-west"})");
  CHECK(api.org("GET", "/secrets/set1").text ==
        R"({"region":"us-west","status":"pending","version":1,"readyVersion":0,)"
        R"("updatedAt":"2023-11-14T22:13:20.000Z","secrets":[{"fieldName":"A","version":1,)"
        R"-("writtenAt":"2023-11-14T22:13:20.000Z","writtenBy":"token first (1)"}]})-");
  api.provision();
  CHECK(api.ask("GET", "/v1/secrets").text ==
        R"({"sets":[{"name":"set1","type":"secret","region":"us-west","status":"ready",)"
        R"("version":1,"readyVersion":1,"updatedAt":"2023-11-14T22:13:20.000Z"}]})");
  CHECK(api.org("GET", "/secrets?region=eu-central").text == R"({"sets":[]})");
}

TEST_CASE("unset and delete answer OK once, then 404") {
  Fixture api;
  api.make_ready_set("set1");
  CHECK(api.org("DELETE", "/secrets/set1/A").text == R"({"status":"OK"})");
  CHECK(api.org("DELETE", "/secrets/set1/A").body == error("Secret not found", "404"));
  CHECK(api.org("GET", "/secrets/set1").body.at("secrets").as_array().empty());
  CHECK(api.org("DELETE", "/secrets/set1").text == R"({"status":"OK"})");
  CHECK(api.org("DELETE", "/secrets/set1").body == error("Set not found", "404"));
}

TEST_CASE("an image pull secret is listed and cannot be read by name") {
  Fixture api;
  REQUIRE(api.org("PUT", "/secrets/ips",
                  R"({"isImagePullSecret":true,"secretValue":"dXNlcjp0b2s=","host":"https://r/"})")
              .status == 202);
  CHECK(api.org("GET", "/secrets/ips").body ==
        error("Cannot retrieve image pull secrets by name", "400"));
  CHECK(api.ask("GET", "/v1/secrets/ips").body.at("code") == "GENERIC_BAD_REQUEST");
  CHECK(api.org("GET", "/secrets").body.at("sets").at(0).at("type") == "imagePullSecret");
  CHECK(api.org("PUT", "/secrets/ips", R"({"secretKey":"A","secretValue":"1"})").status == 400);
}

TEST_CASE("a deploy waits for its set, then is ready in its answer") {
  Fixture api;
  api.org("PUT", "/secrets/set1", R"({"secretKey":"A","secretValue":"1"})");
  const char* body = R"({"serviceName":"bot","image":"img:1","secretSet":"set1"})";
  const Answer early = api.org("POST", "/services", body);
  CHECK(early.status == 409);
  CHECK(early.body.at("code") == "409");
  CHECK(api.org("GET", "/services/bot").status == 404);
  api.provision();
  const Answer created = api.org("POST", "/services", body);
  CHECK(created.status == 200);
  CHECK(created.body.at("name") == "bot");
  CHECK(created.body.at("ready") == true);
  CHECK(created.body.at("reconciledDeploymentId") == created.body.at("desiredDeploymentId"));
  CHECK(api.org("POST", "/services", body).body == error("Service already exists", "400"));
}

TEST_CASE("the newest deployments are listed, as many as the CLI can read") {
  Fixture api;
  const char* body = R"({"serviceName":"bot","image":"img:1","forceRedeploy":true})";
  api.org("POST", "/services", body);
  for (int i = 0; i < 30; ++i) api.org("PUT", "/services", body);
  const Answer listed = api.org("GET", "/services/bot/deployments");
  CHECK(listed.body.at("deployments").as_array().size() == 25);
  CHECK(listed.body.at("deployments").at(0).at("id") ==
        api.org("GET", "/services/bot").body.at("body").at("desiredDeploymentId"));
  CHECK(listed.text.size() < 14 * 1024);
}

TEST_CASE("the agent object has every member that the CLI reads") {
  Fixture api;
  api.org("POST", "/services", R"({"serviceName":"bot","image":"img:1"})");
  const json::object agent = api.org("GET", "/services/bot").body.at("body").as_object();
  for (const char* name :
       {"name", "region", "ready", "available", "createdAt", "updatedAt", "desiredDeploymentId",
        "activeDeploymentId", "reconciledDeploymentId", "activeDeploymentReady", "autoScaling",
        "activeSessionCount", "agentProfile", "krispViva", "conditions", "errors",
        "currentRevision", "deployment"}) {
    INFO(name);
    CHECK(agent.contains(name));
  }
  CHECK(agent.at("deployment").at("manifest").at("spec").at("image") == "img:1");
  CHECK(agent == api.ask("GET", "/v1/agents/bot").body.as_object());
  CHECK(api.org("GET", "/services/bot/deployments").body.at("deployments").as_array().size() == 1);
  const json::value row = api.org("GET", "/services").body.at("services").at(0);
  for (const char* name :
       {"name", "region", "id", "activeDeploymentId", "createdAt", "updatedAt"}) {
    CHECK(row.as_object().at(name).is_string());
  }
}

TEST_CASE("an update of nothing warns, a forced one deploys, in both families") {
  Fixture api;
  const Answer created = api.org("POST", "/services", R"({"serviceName":"bot","image":"img:1"})");
  const Answer same = api.org("PUT", "/services", R"({"serviceName":"bot","image":"img:1"})");
  CHECK(same.body.as_object().contains("warning"));
  CHECK(same.body.at("desiredDeploymentId") == created.body.at("desiredDeploymentId"));
  const Answer forced = api.ask("POST", "/v1/agents/bot", R"({"forceRedeploy":true})");
  CHECK(forced.status == 200);
  CHECK(forced.body.at("desiredDeploymentId") != created.body.at("desiredDeploymentId"));
  CHECK(api.org("PUT", "/services", R"({"serviceName":"none","image":"i:1"})").status == 404);
}

TEST_CASE("a set of another region, and a set in use, are refused by name") {
  Fixture api;
  api.make_ready_set("europe", "eu-central");
  const Answer other =
      api.org("POST", "/services", R"({"serviceName":"bot","image":"i:1","secretSet":"europe"})");
  CHECK(other.status == 400);
  CHECK(other.text.find("eu-central") != std::string::npos);
  CHECK(other.text.find("us-west") != std::string::npos);
  api.make_ready_set("set1");
  api.org("POST", "/services", R"({"serviceName":"bot","image":"i:1","secretSet":"set1"})");
  const Answer used = api.org("DELETE", "/secrets/set1");
  CHECK(used.status == 409);
  CHECK(used.text.find("bot") != std::string::npos);
  CHECK(api.org("DELETE", "/services/bot").text == R"({"status":"OK"})");
  CHECK(api.org("DELETE", "/services/bot").status == 404);
  CHECK(api.org("DELETE", "/secrets/set1").status == 200);
}

TEST_CASE("the instances of an agent are listed, and their sessions counted, in both families") {
  Fixture api;
  api.make_ready_set("set1");
  api.org("POST", "/services", R"({"serviceName":"bot","image":"i:1","secretSet":"set1"})");
  CHECK(api.org("GET", "/services/bot/instances").body.at("instanceCount") == 0);
  api.hear("bot", "host-1");
  api.hear("bot", "host-2");
  const Answer list = api.ask("GET", "/v1/agents/bot/instances");
  CHECK(list.text == api.org("GET", "/services/bot/instances").text);
  CHECK(list.body.at("instanceCount") == 2);
  CHECK(list.body.at("activeSessionCount") == 2);
  const json::value& first = list.body.at("instances").at(0);
  CHECK(first.at("instance") == "host-1");
  CHECK(first.at("state") == "current");
  CHECK(json::serialize(first.at("sets")) == R"([{"name":"set1","version":1}])");
  CHECK(first.at("watched") == true);
  CHECK(api.ask("GET", "/v1/agents/bot").body.at("activeSessionCount") == 2);
  CHECK(api.org("GET", "/services/none/instances").body == error("Not found", "404"));
  CHECK(api.ask("GET", "/v1/agents/none/instances").body == error("Not found", "NOT_FOUND"));
}

TEST_CASE("metrics want a token, and show its organization alone") {
  Fixture api;
  api.org("POST", "/services", R"({"serviceName":"bot","image":"i:1"})");
  api.hear("bot", "host-1");
  CHECK(api.ask("GET", "/metrics", "", "").body == error("Unauthorized", "401"));
  CHECK(api.ask("GET", "/metrics").text.find("agent=\"bot\"") != std::string::npos);
  CHECK(api.ask("GET", "/metrics", "", "pcc_pat_other").text.find("bot") == std::string::npos);
}

TEST_CASE("regions, properties and organizations are what the CLI expects") {
  Fixture api;
  CHECK(api.ask("GET", "/v1/organizations").text ==
        R"({"organizations":[{"name":"acme","verboseName":"acme","role":"member"}]})");
  CHECK(api.org("GET", "/properties").text == R"({"properties":{"defaultRegion":"us-west"}})");
  CHECK(api.org("GET", "/regions").body.at("regions").as_array().size() == 2);
  CHECK(api.org("PATCH", "/properties", R"({"defaultRegion":"eu-central"})").text ==
        R"({"properties":{"defaultRegion":"eu-central"}})");
  CHECK(api.ask("GET", "/v1/properties").text ==
        R"({"properties":{"defaultRegion":"eu-central"}})");
  CHECK(api.org("PATCH", "/properties", R"({"defaultRegion":"mars"})").status == 400);
  CHECK(api.org("PATCH", "/properties", "{}").status == 400);
}

TEST_CASE("every path and method is answered with an error of its family") {
  Fixture api;
  CHECK(api.ask("GET", "/none", "", "").body == error("Not found", "404"));
  CHECK(api.org("DELETE", "/regions").body == error("Method not allowed", "405"));
  CHECK(api.ask("DELETE", "/v1/regions").body.at("code") == "METHOD_NOT_ALLOWED");
  CHECK(api.org("POST", "/builds/upload-url").status == 501);
  CHECK(api.org("GET", "/builds").text == R"({"builds":[],"total":0})");
}

TEST_CASE("what the CLI asks for in vain is declined with a sentence, only for who may ask") {
  Fixture api;
  constexpr std::array<std::array<std::string_view, 2>, 9> kAsked{{
      {"GET", "/builds/b1"},
      {"GET", "/github/repositories/owner/name/branches"},
      {"POST", "/secrets/references"},
      {"DELETE", "/regions/pce-acme"},
      {"POST", "/regions/pce-acme/enrollment-tokens"},
      {"PATCH", "/agent-profiles/large"},
      {"DELETE", "/registry-keys/k1"},
      {"PUT", "/spend-limit"},
      {"POST", "/services/bot/environments/production/git/deploy"},
  }};
  for (const auto& [method, path] : kAsked) {
    CAPTURE(method, path);
    const Answer answer = api.org(method, std::string(path), "{}");
    CHECK(answer.status == 501);
    CHECK(answer.body.at("code") == "501");
    CHECK(answer.body.at("error").as_string().ends_with('.'));
    CHECK(api.ask(method, "/v1/organizations/other" + std::string(path)).status == 403);
  }
  CHECK(api.ask("GET", "/v1/builds/b1").body.at("code") == "NOT_IMPLEMENTED");
}

TEST_CASE("a set may be called references") {
  Fixture api;
  api.make_ready_set("references");
  CHECK(api.org("GET", "/secrets/references").status == 200);
  CHECK(api.org("DELETE", "/secrets/references").status == 200);
}

TEST_CASE("square brackets never reach the CLI, which would render them as markup") {
  Request request;
  CHECK(error_response(request, 400, "bad [/x] name").body ==
        R"({"error":"bad (/x) name","code":"400"})");
}

}  // namespace
}  // namespace agent_secrets::control_plane
