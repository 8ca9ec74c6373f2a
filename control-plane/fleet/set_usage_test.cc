#include "control-plane/fleet/set_usage.h"

#include <algorithm>

#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::seconds;

// A real catalog and region: set `keys`, agent `bot` deployed with its version 1.
class Usage : public TestStores {
 public:
  Usage() {
    listen();  // before there is an agent, so the listening time begins at 0
    roll("1");
    need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("bot", "keys")));
    provision();
    listen();
  }
  // Makes the next version of the set, and makes it ready.
  void roll(const std::string& value) {
    write("keys", "A", value);
    provision();
    listen();
  }
  void redeploy() {
    DeployRequest request = deploy_of("bot");
    request.force = true;
    need(catalog().deploys.update_agent(kAdmin, acme, std::move(request)));
    provision();
    listen();
  }
  void listen() { need(region().record_instances({}, clock.unix_time())); }
  using TestStores::listen;
  void hear(const std::string& instance, bool watched, std::optional<std::int64_t> sequence = {}) {
    const AgentSnapshot bot = snapshot(agent("bot").id);
    const HeardInstance report{.agent_id = bot.agent_id,
                               .instance = instance,
                               .sequence = sequence.value_or(bot.sequence),
                               .kid = "kid1",
                               .at = clock.unix_time(),
                               .started = !sequence,
                               .watched = watched};
    need(region().record_instances({&report, 1}, clock.unix_time()));
  }
  void develop(std::optional<std::int64_t> sequence = {}) {
    const AgentSnapshot bot = snapshot(agent("bot").id);
    const HeardInstance report{.agent_id = bot.agent_id,
                               .instance = "laptop.develop",
                               .sequence = sequence.value_or(bot.sequence),
                               .kid = "kid1",
                               .at = clock.unix_time(),
                               .started = true,
                               .developers_run = true};
    need(region().record_instances({&report, 1}, clock.unix_time()));
  }
  void start_watching(const std::string& instance) { hear(instance, true); }
  void start_unwatched(const std::string& instance) { hear(instance, false); }

  SetUsage read() {
    const auto organization = need(catalog().organizations.find("acme"));
    return need(read_set_usage(catalog(), region(), *organization, set("keys"), clock.unix_time()));
  }
  // For a version that is not listed, the answer for every other version.
  SafeToRevoke safe(std::int64_t version) {
    const SetUsage usage = read();
    const auto use = std::ranges::find(usage.versions, version, &VersionUse::version);
    return use == usage.versions.end() ? usage.every_other : use->safe;
  }
  VersionUse use(std::int64_t version) {
    const SetUsage usage = read();
    const auto found = std::ranges::find(usage.versions, version, &VersionUse::version);
    REQUIRE(found != usage.versions.end());
    return *found;
  }
};

TEST_CASE("an old version is safe to revoke once its last watched instance has restarted") {
  Usage t;
  t.start_watching("host-1");
  t.start_watching("host-2");
  t.roll("2");
  CHECK(t.use(1).pinned_by == std::vector<std::string>{"bot"});
  CHECK(t.safe(1) == SafeToRevoke::no);
  t.redeploy();
  t.start_watching("host-1");
  const VersionUse old = t.use(1);
  CHECK(old.instances() == 1);
  CHECK(old.agents.at(0).agent == "bot");
  CHECK(old.safe == SafeToRevoke::no);
  CHECK(old.reason == "1 instance runs it");
  CHECK(t.use(2).instances() == 1);
  CHECK(t.read().instances == 2);
  t.start_watching("host-2");
  CHECK(t.safe(1) == SafeToRevoke::yes);
  CHECK(t.safe(2) == SafeToRevoke::no);
}

TEST_CASE(
    "deployments of a new agent do not count for instances of a deleted agent with its name") {
  Usage t;
  t.hear("host-1", true, 9'999);  // its release is not kept
  DeployRequest without = deploy_of("bot");
  without.secret_set = "";
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, std::move(without)));
  t.provision();
  t.listen();
  CHECK(t.read().version_unknown.size() == 1);
  // The region does not have the deletion yet.
  need(t.catalog().agents.remove(kAdmin, t.acme, "bot"));
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot")));
  CHECK(t.read().version_unknown.size() == 1);
}

TEST_CASE("a version that a deployment pins is not safe to revoke") {
  Usage t;
  t.roll("2");
  const VersionUse old = t.use(1);
  CHECK(old.instances() == 0);
  CHECK(old.safe == SafeToRevoke::no);
  CHECK(old.reason == "the next start of bot brings it back: deploy");
}

TEST_CASE("a version that the region still serves is not safe to revoke") {
  Usage t;
  t.roll("2");
  DeployRequest request = deploy_of("bot");
  request.force = true;
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, std::move(request)));
  CHECK(t.safe(1) == SafeToRevoke::no);
  t.provision();
  CHECK(t.safe(1) == SafeToRevoke::yes);
}

TEST_CASE("the version of an unwatched instance is unknown until its id starts again") {
  Usage t;
  t.start_unwatched("host-1");
  t.roll("2");
  t.redeploy();
  t.listen(seconds(48 * 3600));
  const VersionUse old = t.use(1);
  CHECK(old.safe == SafeToRevoke::unknown);
  CHECK(old.unwatched() == 1);
  CHECK(old.agents.at(0).unwatched == std::vector<std::string>{"host-1"});
  CHECK(old.reason.starts_with("1 instance without a sidecar started with it"));
  t.start_unwatched("host-1");  // with version 2
  CHECK(t.safe(1) == SafeToRevoke::yes);
}

TEST_CASE("a silent instance does not count, and server downtime is not silence") {
  Usage t;
  t.start_watching("host-1");
  t.roll("2");
  t.redeploy();
  t.clock.advance(std::chrono::hours(5));  // no server listens
  CHECK(t.safe(1) == SafeToRevoke::no);
  t.listen();
  CHECK(t.safe(1) == SafeToRevoke::no);
  t.listen(limits::kInstanceSilent + seconds(20));
  CHECK(t.use(1).silent == 1);
  CHECK(t.safe(1) == SafeToRevoke::yes);
}

TEST_CASE("after downtime no version is safe before all watched instances could send a request") {
  Usage t;
  t.roll("2");
  t.redeploy();
  CHECK(t.safe(1) == SafeToRevoke::yes);
  t.clock.advance(std::chrono::hours(5));
  CHECK(t.read().every_other_reason.starts_with("no server has listened since"));
  t.listen();
  CHECK(t.safe(1) == SafeToRevoke::unknown);
  CHECK(t.read().every_other_reason.starts_with("the server has listened only since"));
  t.listen(limits::kInstanceSilent + seconds(10));
  CHECK(t.safe(1) == SafeToRevoke::yes);
}

TEST_CASE("an instance whose release is not known may hold any version of its agent's sets") {
  Usage t;
  t.hear("host-1", true, 0);
  t.roll("2");
  t.redeploy();
  CHECK(t.safe(1) == SafeToRevoke::unknown);
  CHECK(t.read().every_other_reason == "1 instance may hold any version");
  CHECK(t.read().version_unknown.at(0).agent == "bot");
  CHECK(t.read().instances == 1);
}

TEST_CASE("an instance of an agent that never had the set does not count") {
  Usage t;
  t.roll("2");
  t.redeploy();
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("other")));
  t.provision();
  t.listen();
  const HeardInstance report{.agent_id = t.agent("other").id,
                             .instance = "host-9",
                             .kid = "kid1",
                             .at = t.clock.unix_time(),
                             .watched = true};
  need(t.region().record_instances({&report, 1}, t.clock.unix_time()));
  CHECK(t.read().instances == 0);
  CHECK(t.safe(1) == SafeToRevoke::yes);
}

TEST_CASE("the instances of a deleted agent count") {
  Usage t;
  t.start_watching("host-1");
  t.roll("2");
  need(t.catalog().agents.remove(kAdmin, t.acme, "bot"));
  t.provision();
  t.listen();
  const VersionUse old = t.use(1);
  CHECK(old.agents.at(0).deleted);
  CHECK(old.pinned_by.empty());
  CHECK(old.safe == SafeToRevoke::no);
}

TEST_CASE("the newest ready version is not safe to revoke while a newer version is pending") {
  Usage t;
  t.write("keys", "A", "2");
  CHECK(t.read().set.version == 2);
  CHECK(t.safe(1) == SafeToRevoke::no);
  CHECK(t.use(1).reason == "it is the newest");
}

TEST_CASE("no version is safe before a server has listened") {
  TestStores t;
  t.write("keys", "A", "1");
  t.provision();
  const auto organization = need(t.catalog().organizations.find("acme"));
  const SetUsage usage = need(
      read_set_usage(t.catalog(), t.region(), *organization, t.set("keys"), t.clock.unix_time()));
  CHECK(usage.every_other == SafeToRevoke::unknown);
  CHECK(usage.every_other_reason == "no server has listened yet");
}

TEST_CASE("the answer for an image pull secret is unknown") {
  Usage t;
  need(t.catalog().sets.write(kAdmin, t.acme, registry("pull")));
  t.provision();
  const auto organization = need(t.catalog().organizations.find("acme"));
  const SetUsage usage = need(
      read_set_usage(t.catalog(), t.region(), *organization, t.set("pull"), t.clock.unix_time()));
  CHECK(usage.every_other == SafeToRevoke::unknown);
}

TEST_CASE("a developer's run makes the answer for its version unknown for one day") {
  Usage t;
  t.develop();
  t.roll("2");
  t.redeploy();
  const VersionUse old = t.use(1);
  CHECK(old.safe == SafeToRevoke::unknown);
  CHECK(old.reason.starts_with("1 developer's run started with it in the last 24 h, the last "));
  CHECK(old.instances() == 0);
  CHECK(old.agents.at(0).developer_runs == std::vector<std::string>{"laptop.develop"});
  CHECK(t.read().instances == 0);
  t.develop();  // with version 2; the first run may still be going on
  CHECK(t.safe(1) == SafeToRevoke::unknown);
  t.listen(std::chrono::hours(24));
  CHECK(t.safe(1) == SafeToRevoke::yes);
}

TEST_CASE("a developer's run does not hide a watched or an unwatched bot") {
  Usage t;
  t.start_watching("host-1");
  t.start_unwatched("host-2");
  t.develop();
  t.roll("2");
  t.redeploy();
  CHECK(t.use(1).reason == "1 instance runs it");
  t.listen(std::chrono::hours(25));
  CHECK(t.use(1).reason.starts_with("1 instance without a sidecar started with it"));
}

TEST_CASE("a developer's run of a release that is not kept may hold any version, for a day") {
  Usage t;
  t.develop(9'999);
  t.roll("2");
  t.redeploy();
  CHECK(t.read().every_other_reason == "1 developer's run of the last 24 h may hold any version");
  t.listen(std::chrono::hours(24));
  CHECK(t.safe(1) == SafeToRevoke::yes);
}

}  // namespace
}  // namespace agent_secrets::control_plane
