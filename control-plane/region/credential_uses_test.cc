#include "control-plane/region/credential_uses.h"

#include "control-plane/fleet/last_uses.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::hours;

AgentSnapshot agent_with(std::int64_t id, std::vector<std::string> kids) {
  AgentSnapshot agent;
  agent.agent_id = id;
  agent.revision = static_cast<std::int64_t>(kids.size()) + id;
  agent.organization = id == 7 ? "acme" : "other";
  agent.agent = "bot";
  for (std::string& kid : kids) agent.credentials.push_back({.kid = std::move(kid), .keys = {}});
  return agent;
}

void use(TestStores& t, std::string kid, std::int64_t agent_id, UnixMs hour) {
  const CredentialUse one{.kid = std::move(kid), .agent_id = agent_id, .hour = hour};
  need(t.region().record_uses({&one, 1}));
}

LastUses last_uses(TestStores& t, std::string_view organization) {
  RegionStore* const store = &t.region();
  return read_last_uses({&store, 1}, organization);
}

}  // namespace

TEST_CASE("the latest hour of each credential is kept, and listed for its organization") {
  TestStores t;
  need(t.region().put_agent(agent_with(7, {"kid1", "kid2"})));
  need(t.region().put_agent(agent_with(8, {"kid3"})));
  use(t, "kid1", 7, hours(10));
  use(t, "kid1", 7, hours(12));
  use(t, "kid1", 7, hours(11));  // of a server whose write was late
  use(t, "kid3", 8, hours(10));
  use(t, "kid4", 9, hours(10));  // of an agent that has been removed
  const LastUses uses = last_uses(t, "acme");
  CHECK(uses.are_all);
  CHECK(uses.of("kid1") == UnixMs(hours(12)));
  CHECK(uses.is_known("kid2"));
  CHECK_FALSE(uses.of("kid2").has_value());
  CHECK_FALSE(uses.of("kid3").has_value());
  CHECK(last_uses(t, "other").of("kid3") == UnixMs(hours(10)));
}

TEST_CASE("the use of a credential that is no longer listed is dropped at the next use") {
  TestStores t;
  need(t.region().put_agent(agent_with(7, {"kid1"})));
  use(t, "kid1", 7, hours(10));
  AgentSnapshot later = agent_with(7, {"kid2"});
  later.revision += 10;
  need(t.region().put_agent(later));
  CHECK(need(t.region().list_uses("acme")).size() == 1);
  use(t, "kid2", 7, hours(11));
  const auto uses = need(t.region().list_uses("acme"));
  REQUIRE(uses.size() == 1);
  CHECK(uses[0].kid == "kid2");
}

}  // namespace agent_secrets::control_plane
