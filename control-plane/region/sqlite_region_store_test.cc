#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

ProvisionedVersion version_of(std::int64_t set_id, std::int64_t version, std::string_view value) {
  ProvisionedVersion made{.organization_id = 1,
                          .set_id = set_id,
                          .set_name = "bot-secrets",
                          .version = version,
                          .values = {}};
  made.values.push_back({.key = "A", .written_by = 1, .value = SecretBuffer::copy_of(value)});
  return made;
}

AgentSnapshot agent_at(std::int64_t revision, std::int64_t sequence) {
  AgentSnapshot snapshot;
  snapshot.agent_id = 7;
  snapshot.revision = revision;
  snapshot.sequence = sequence;
  snapshot.organization = "acme";
  snapshot.agent = "bot";
  snapshot.deployment_id = "d" + std::to_string(sequence);
  snapshot.sets.push_back({.organization_id = 1,
                           .set_id = 2,
                           .name = "bot-secrets",
                           .version = sequence,
                           .latest_version = sequence + 1,
                           .changed_keys = {"A", "B"}});
  snapshot.credentials.push_back({.kid = "kid1", .keys = {}, .revoked = revision > 1});
  return snapshot;
}

}  // namespace

TEST_CASE("a set version is read as it was written, and written again whole") {
  TestStores t;
  need(t.region().put_set_version(version_of(2, 1, "old")));
  need(t.region().put_set_version(version_of(2, 1, "new")));
  const auto found = need(t.region().read_set_version(2, 1));
  REQUIRE(found.has_value());
  CHECK(texts(*found) == std::map<std::string, std::string>{{"A", "new"}});
  CHECK_FALSE(need(t.region().read_set_version(2, 2)).has_value());
}

TEST_CASE("an agent is read as it was written") {
  TestStores t;
  need(t.region().put_agent(agent_at(1, 5)));
  const AgentSnapshot found = t.snapshot(7);
  CHECK(found.sequence == 5);
  CHECK(found.agent == "bot");
  REQUIRE(found.sets.size() == 1);
  CHECK(found.sets[0].latest_version == 6);
  CHECK(found.sets[0].changed_keys == std::vector<std::string>{"A", "B"});
  REQUIRE(found.credentials.size() == 1);
  CHECK_FALSE(found.credentials[0].revoked);
}

TEST_CASE("a snapshot of a lower revision is ignored") {
  TestStores t;
  need(t.region().put_agent(agent_at(2, 6)));
  need(t.region().put_agent(agent_at(1, 5)));
  CHECK(t.snapshot(7).sequence == 6);
  CHECK(need(t.region().find_credential("kid1"))->credential.revoked);
}

TEST_CASE("the last 64 releases of an agent are kept") {
  TestStores t;
  for (std::int64_t i = 1; i <= 70; ++i) need(t.region().put_agent(agent_at(i, i)));
  CHECK_FALSE(need(t.region().find_release(7, 6)).has_value());
  const auto oldest = need(t.region().find_release(7, 7));
  REQUIRE(oldest.has_value());
  CHECK(oldest->deployment_id == "d7");
  REQUIRE(oldest->sets.size() == 1);
  CHECK(oldest->sets[0].version == 7);
}

TEST_CASE("only the retained versions stay") {
  TestStores t;
  for (std::int64_t i = 1; i <= 3; ++i) need(t.region().put_set_version(version_of(2, i, "v")));
  const RetainedVersion kept[] = {{.set_id = 2, .version = 2}, {.set_id = 9, .version = 3}};
  need(t.region().retain_only(kept));
  CHECK_FALSE(need(t.region().read_set_version(2, 1)).has_value());
  CHECK(need(t.region().read_set_version(2, 2)).has_value());
  CHECK_FALSE(need(t.region().read_set_version(2, 3)).has_value());
}

}  // namespace agent_secrets::control_plane
