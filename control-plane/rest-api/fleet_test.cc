// The fleet in numbers, the usage of a set, and what lists say of versions and roles.
#include "control-plane/rest-api/test_api.h"

namespace agent_secrets::control_plane {
namespace {

constexpr const char* kDeploy =
    R"({"serviceName":"bot","image":"img:1","secretSet":"bot-secrets"})";

class FleetFixture : public RestFixture {
 public:
  FleetFixture() {
    make_ready_set("bot-secrets");
    REQUIRE(org("POST", "/services", kDeploy).status == 200);
    provision();
  }
  // The first step of a request, and one look of its second step.
  Outcome look(const std::string& path, std::chrono::milliseconds waited = {}) {
    Request request;
    request.method = "GET";
    REQUIRE(parse_target("/v1/organizations/acme" + path, request));
    request.headers["authorization"] = "Bearer pcc_pat_acme";
    request.waited = waited;
    return router().dispatch(request).outcome;
  }
};

}  // namespace

TEST_CASE("the fleet has every agent with its pinned versions and the states of its instances") {
  FleetFixture api;
  CHECK(api.org("GET", "/fleet").body.at("agents").at(0).at("instanceCount") == 0);
  api.hear("bot", "host-1");
  const boost::json::value body = api.org("GET", "/fleet").body;
  const boost::json::value& agent = body.at("agents").at(0);
  CHECK(agent.at("agent") == "bot");
  CHECK(agent.at("image") == "img:1");
  CHECK(agent.at("secretSet") == "bot-secrets");
  CHECK(agent.at("instanceCount") == 1);
  CHECK(agent.at("states").at("current") == 1);
  CHECK(agent.at("sets").at(0).at("version") == 1);
  CHECK(agent.at("sets").at(0).at("readyVersion") == 1);
  CHECK(agent.at("releases").at(0).at("instances") == 1);
  CHECK(agent.at("history").at("current").as_array().size() == 24);
}

TEST_CASE("another organization sees nothing of the fleet") {
  FleetFixture api;
  api.hear("bot", "host-1");
  CHECK(api.ask("GET", "/v1/organizations/acme/fleet", "", "pcc_pat_other").status == 403);
  const Answer own = api.ask("GET", "/v1/organizations/other/fleet", "", "pcc_pat_other");
  CHECK(own.status == 200);
  CHECK(own.body.at("agents").as_array().empty());
}

TEST_CASE("a long poll for the fleet waits until something changes") {
  FleetFixture api;
  const std::string tag(api.org("GET", "/fleet").body.at("tag").as_string());
  CHECK(std::holds_alternative<Wait>(api.look("/fleet?after=" + tag)));
  CHECK(std::holds_alternative<Response>(api.look("/fleet?after=" + tag, kLongPollWait)));
  CHECK(std::holds_alternative<Response>(api.look("/fleet?after=another")));
  api.hear("bot", "host-1");
  CHECK(std::holds_alternative<Response>(api.look("/fleet?after=" + tag)));
}

TEST_CASE("a new version of a set ends a long poll for the fleet") {
  FleetFixture api;
  const std::string tag(api.org("GET", "/fleet").body.at("tag").as_string());
  REQUIRE(
      api.org("PUT", "/secrets/bot-secrets", R"({"secrets":[{"secretKey":"B","secretValue":"2"}]})")
          .status == 202);
  CHECK(std::holds_alternative<Response>(api.look("/fleet?after=" + tag)));
}

TEST_CASE("a token that was revoked ends a long poll for the fleet") {
  FleetFixture api;
  const std::string tag(api.org("GET", "/fleet").body.at("tag").as_string());
  const Outcome outcome = api.look("/fleet?after=" + tag);
  const auto* wait = std::get_if<Wait>(&outcome);
  REQUIRE(wait != nullptr);
  REQUIRE(api.catalog().tokens.revoke(kAdmin, api.organization_id("acme"), "first"));
  Request request;
  request.method = "GET";
  REQUIRE(parse_target("/v1/organizations/acme/fleet?after=" + tag, request));
  request.params["org"] = "acme";
  request.headers["authorization"] = "Bearer pcc_pat_acme";
  CHECK(std::get<Response>(wait->again(request)).status == 401);
}

TEST_CASE("the usage of a set names the instances that hold each version") {
  FleetFixture api;
  api.hear("bot", "host-1");
  api.make_ready_set("other-secrets");
  const boost::json::value body = api.org("GET", "/secrets/bot-secrets/usage").body;
  CHECK(body.at("readyVersion") == 1);
  const boost::json::value& version = body.at("versions").at(0);
  CHECK(version.at("safeToRevoke") == "no");
  CHECK(version.at("agents").at(0).at("instanceIds").at(0) == "host-1");
  CHECK(api.org("GET", "/secrets/none/usage").status == 404);
}

TEST_CASE("lists of sets have versions, and a set has the version that wrote each key") {
  FleetFixture api;
  REQUIRE(
      api.org("PUT", "/secrets/bot-secrets", R"({"secrets":[{"secretKey":"B","secretValue":"2"}]})")
          .status == 202);
  const boost::json::value row = api.org("GET", "/secrets").body.at("sets").at(0);
  CHECK(row.at("version") == 2);
  CHECK(row.at("readyVersion") == 1);
  CHECK(row.at("updatedAt").is_string());
  const boost::json::value set = api.org("GET", "/secrets/bot-secrets").body;
  CHECK(set.at("secrets").at(0).at("version") == 1);
  CHECK(set.at("secrets").at(1).at("version") == 2);
}

TEST_CASE("the list of organizations has the caller's role in each") {
  FleetFixture api;
  const Answer answer = api.ask("GET", "/v1/organizations");
  CHECK(answer.body.at("organizations").at(0).at("role") == "member");
}

}  // namespace agent_secrets::control_plane
