#include <boost/json/value_to.hpp>

#include "control-plane/rest-api/test_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

// The agent `bot` with two instances; each reports a session.
struct Fixture : RestFixture {
  Fixture() {
    REQUIRE(org("POST", "/services", R"({"serviceName":"bot","image":"img:1"})").status == 200);
    hear("bot", "host-a");
    hear("bot", "host-b");
  }
};

std::string id(const Answer& answer, std::size_t row) {
  return json::value_to<std::string>(answer.body.at("sessions").at(row).at("sessionId"));
}

}  // namespace

TEST_CASE("each session that an instance reports is a row, in both families") {
  Fixture api;
  for (const std::string path :
       {"/v1/organizations/acme/services/bot/sessions", "/v1/agents/bot/sessions"}) {
    const Answer answer = api.ask("GET", path);
    REQUIRE(answer.status == 200);
    CHECK(answer.body.at("total_count") == 2);
    CHECK(id(answer, 0) == "host-a.1");
    const json::object& row = answer.body.at("sessions").at(1).as_object();
    for (const char* name : {"sessionId", "createdAt", "endedAt", "botStartSeconds", "coldStart"}) {
      CHECK(row.contains(name));
    }
    CHECK(row.at("endState") == "active");
  }
}

TEST_CASE("sessions come in pages, and ended ones are not known") {
  Fixture api;
  const Answer second = api.org("GET", "/services/bot/sessions?limit=1&offset=1");
  CHECK(second.body.at("sessions").as_array().size() == 1);
  CHECK(id(second, 0) == "host-b.1");
  CHECK(api.org("GET", "/services/bot/sessions?offset=2").body.at("sessions").as_array().empty());
  CHECK(api.org("GET", "/services/bot/sessions?status=ended").body.at("total_count") == 0);
  CHECK(api.org("GET", "/services/bot/sessions?endState=completed").body.at("total_count") == 0);
  for (const char* bad : {"limit=0", "limit=1001", "limit=x", "offset=-1", "status=some"}) {
    CHECK(api.org("GET", std::string("/services/bot/sessions?") + bad).status == 400);
  }
}

TEST_CASE("one session is found by its id, and stopped by nobody here") {
  Fixture api;
  CHECK(api.org("GET", "/services/bot/sessions/host-b.1").body.at("sessionId") == "host-b.1");
  for (const char* unknown : {"host-b.2", "host-b.0", "host-c.1", "host-b", "host-b."}) {
    CHECK(api.org("GET", std::string("/services/bot/sessions/") + unknown).status == 404);
  }
  CHECK(api.org("DELETE", "/services/bot/sessions/host-b.1").status == 501);
  CHECK(api.org("GET", "/services/nobody/sessions").status == 404);
}

TEST_CASE("an agent's revision counts the instances that run it") {
  Fixture api;
  const Answer answer = api.org("GET", "/services/bot");
  const json::value& body = answer.body.at("body");
  CHECK(body.at("currentRevision").at("readyReplicas") == 2);
  CHECK(body.at("currentRevision").at("phase") == "Active");
  CHECK(body.at("previousRevision").is_null());
  CHECK(body.at("errors").as_array().empty());
  CHECK(body.at("conditions").as_array().size() == 3);
}

TEST_CASE("events are listed in both families") {
  Fixture api;
  for (const std::string path :
       {"/v1/organizations/acme/services/bot/events", "/v1/agents/bot/events"}) {
    const Answer answer = api.ask("GET", path);
    REQUIRE(answer.status == 200);
    CHECK(answer.body.at("events").at(0).at("kind") == "deployment");
  }
  CHECK(api.org("GET", "/services/nobody/events").status == 404);
}

}  // namespace agent_secrets::control_plane
