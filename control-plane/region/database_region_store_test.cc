#include "control-plane/test_stores.h"
#include "core/limits.h"

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
                           .changed_keys = {}});
  snapshot.credentials.push_back({.kid = "kid1", .keys = {}, .revoked = revision > 1});
  return snapshot;
}

}  // namespace

TEST_CASE("a set version is read as it was written, and a rewrite replaces it") {
  TestStores t;
  need(t.region().put_set_version(version_of(2, 1, "old"), t.term()));
  need(t.region().put_set_version(version_of(2, 1, "new"), t.term()));
  const auto found = need(t.region().read_set_version(2, 1));
  REQUIRE(found.has_value());
  CHECK(texts(*found) == std::map<std::string, std::string>{{"A", "new"}});
  CHECK_FALSE(need(t.region().read_set_version(2, 2)).has_value());
}

TEST_CASE("the stamp of a version stays until its values are written again") {
  TestStores t;
  need(t.region().put_set_version(version_of(2, 5, "same"), t.term()));
  need(t.region().put_set_version(version_of(2, 6, "same"), t.term()));
  need(t.region().put_agent(agent_at(1, 5)));
  const auto stamp = [&t] {
    const auto parts = need(t.region().find_bundle_parts("kid1"));
    REQUIRE(parts->versions.size() == 1);
    const auto opened = need(t.region().open_pinned(parts->agent->sets.front()));
    CHECK(opened->stamp == parts->versions.front().stamp);
    CHECK(texts(opened->version) == std::map<std::string, std::string>{{"A", "same"}});
    return opened->stamp;
  };
  const std::int64_t first = stamp();
  CHECK(stamp() == first);
  need(t.region().put_set_version(version_of(2, 6, "other"), t.term()));
  CHECK(stamp() == first);
  need(t.region().put_set_version(version_of(2, 5, "same"), t.term()));
  CHECK(stamp() != first);
}

TEST_CASE("an agent is read as it was written") {
  TestStores t;
  need(t.region().put_agent(agent_at(1, 5)));
  const AgentSnapshot found = t.snapshot(7);
  CHECK(found.sequence == 5);
  CHECK(found.agent == "bot");
  REQUIRE(found.sets.size() == 1);
  CHECK(found.sets[0].latest_version == 6);
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
  for (std::int64_t i = 1; i <= 3; ++i)
    need(t.region().put_set_version(version_of(2, i, "v"), t.term()));
  const RetainedVersion kept[] = {{.set_id = 2, .version = 2}, {.set_id = 9, .version = 3}};
  need(t.region().retain_only(kept, t.term()));
  CHECK_FALSE(need(t.region().read_set_version(2, 1)).has_value());
  CHECK(need(t.region().read_set_version(2, 2)).has_value());
  CHECK_FALSE(need(t.region().read_set_version(2, 3)).has_value());
}

TEST_CASE("versions are compared by their values, also after the values are dropped") {
  TestStores t;
  using Keys = std::vector<std::string>;
  const auto put = [&](std::int64_t version, const std::map<std::string, std::string>& values) {
    ProvisionedVersion made = version_of(2, version, "");
    made.values.clear();
    for (const auto& [key, value] : values) {
      made.values.push_back(
          {.key = key, .written_by = version, .value = SecretBuffer::copy_of(value)});
    }
    need(t.region().put_set_version(made, t.term()));
  };
  put(1, {{"A", "one"}, {"B", "same"}});
  put(2, {{"A", "oops"}, {"B", "same"}});
  put(3, {{"A", "one"}, {"B", "same"}});
  put(4, {{"B", "same"}, {"C", "new"}});
  put(5, {});
  CHECK(need(t.region().changed_keys(2, 1, 2)) == Keys{"A"});
  CHECK(need(t.region().changed_keys(2, 1, 3)) == Keys{});
  CHECK(need(t.region().changed_keys(2, 3, 4)) == Keys{"A", "C"});
  CHECK(need(t.region().changed_keys(2, 4, 5)) == Keys{"B", "C"});
  CHECK(need(t.region().changed_keys(2, 1, 9)) == std::nullopt);
  need(t.region().retain_only(std::vector<RetainedVersion>{{.set_id = 2, .version = 4}}, t.term()));
  CHECK(need(t.region().changed_keys(2, 3, 4)) == Keys{"A", "C"});
  for (std::int64_t version = 10; version < 10 + limits::kFingerprintsKept; ++version) {
    put(version, {{"A", std::to_string(version)}});
  }
  CHECK(need(t.region().changed_keys(2, 3, 4)) == std::nullopt);
  CHECK(need(t.region().changed_keys(2, 4, 10)) == Keys{"A", "B", "C"});
  need(t.region().retain_only({}, t.term()));
  CHECK(need(t.region().changed_keys(2, 10, 11)) == std::nullopt);
}

TEST_CASE("opening a store makes the missing fingerprints of its values") {
  TestStores t;
  need(t.region().put_set_version(version_of(2, 1, "one"), t.term()));
  need(t.region().put_set_version(version_of(2, 2, "two"), t.term()));
  t.close();
  t.edit("region-us-west", "DELETE FROM value_fingerprints");
  t.reopen();
  CHECK(need(t.region().changed_keys(2, 1, 2)) == std::vector<std::string>{"A"});
}

TEST_CASE("the oldest deleted agents of an organization are removed, unless they have instances") {
  TestStores t;
  const auto deleted_agent = [](std::int64_t id) {
    AgentSnapshot snapshot = agent_at(1, 1);
    snapshot.agent_id = id;
    snapshot.credentials[0].kid = "kid" + std::to_string(id);
    return snapshot;
  };
  need(t.region().put_agent(deleted_agent(1)));
  need(t.region().record_instances(std::vector<HeardInstance>{{.agent_id = 1,
                                                               .instance = "host",
                                                               .sequence = 1,
                                                               .kid = "kid1",
                                                               .at = t.clock.unix_time(),
                                                               .started = true}},
                                   t.clock.unix_time()));
  for (std::int64_t id = 1; id <= limits::kDeletedAgentsKept + 10; ++id) {
    AgentSnapshot snapshot = deleted_agent(id);
    need(t.region().put_agent(snapshot));
    snapshot.deleted = true;
    snapshot.sets.clear();
    ++snapshot.revision;
    need(t.region().put_agent(snapshot));
  }
  CHECK(need(t.region().find_agent(1)).has_value());
  CHECK_FALSE(need(t.region().find_agent(2)).has_value());
  CHECK_FALSE(need(t.region().find_credential("kid2")).has_value());
  CHECK(need(t.region().find_agent(limits::kDeletedAgentsKept + 10)).has_value());
}

TEST_CASE("a provisioner that lost its lease can neither write versions nor drop them") {
  TestStores t;
  const LeaseTerm old = t.term();
  need(t.region().put_set_version(version_of(2, 1, "one"), old));
  const LeaseTerm next{.work = old.work, .fence = old.fence + 1};
  need(t.region().put_set_version(version_of(2, 2, "two"), next));
  const Error late = refusal(t.region().put_set_version(version_of(2, 2, "late"), old));
  CHECK(late.code == ErrorCode::conflict);
  CHECK(late.message == "another process has taken over provisioner:us-west");
  CHECK(refusal(t.region().retain_only({}, old)).code == ErrorCode::conflict);
  CHECK(texts(*need(t.region().read_set_version(2, 2))).at("A") == "two");
  CHECK(need(t.region().read_set_version(2, 1)).has_value());
  need(t.region().retain_only({}, next));
  CHECK_FALSE(need(t.region().read_set_version(2, 2)).has_value());
}

TEST_CASE("a drop under a new term refuses the writes of the old one") {
  TestStores t;
  const LeaseTerm old = t.term();
  need(t.region().put_set_version(version_of(2, 1, "one"), old));
  need(t.region().retain_only({}, {.work = old.work, .fence = old.fence + 1}));
  CHECK(refusal(t.region().put_set_version(version_of(2, 1, "one"), old)).code ==
        ErrorCode::conflict);
  CHECK_FALSE(need(t.region().read_set_version(2, 1)).has_value());
}

}  // namespace agent_secrets::control_plane
