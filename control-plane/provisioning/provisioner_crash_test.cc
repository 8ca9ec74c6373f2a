// Kills the process before or after each call that a provisioner makes to its stores, then starts
// again: no acknowledged write is lost, and no value is served that was not written. The child
// works on real files with its own connections (SQLite connections do not survive a fork), and dies
// by SIGKILL, so no destructor runs.
#include <csignal>
#include <filesystem>

#include <sys/wait.h>
#include <unistd.h>

#include "control-plane/test_stores.h"
#include "tests/fakes/forwarding_region_store.h"

namespace agent_secrets::control_plane {
namespace {

enum class When { before_the_call, after_the_call };

// Counts the calls of all stores of one process, and kills the process at the chosen call.
struct Fuse {
  int die_at;
  When when;
  int calls = 0;

  template <typename Call>
  auto around(const Call& call) {
    const bool last = ++calls == die_at;
    if (last && when == When::before_the_call) ::kill(::getpid(), SIGKILL);
    auto result = call();
    if (last) ::kill(::getpid(), SIGKILL);
    return result;
  }
};

class MortalOutbox final : public Outbox {
 public:
  MortalOutbox(Outbox& inner, Fuse& fuse) : inner_(inner), fuse_(fuse) {}
  Result<Due> next_due(std::string_view region, UnixMs now) override {
    return fuse_.around([&] { return inner_.next_due(region, now); });
  }
  Result<ProvisionedVersion> read_version(const PendingVersion& version) override {
    return fuse_.around([&] { return inner_.read_version(version); });
  }
  Result<bool> mark_ready(const PendingVersion& version, const LeaseTerm& term) override {
    return fuse_.around([&] { return inner_.mark_ready(version, term); });
  }
  Result<bool> mark_failed(const PendingVersion& version, std::string_view message,
                           const LeaseTerm& term) override {
    return fuse_.around([&] { return inner_.mark_failed(version, message, term); });
  }
  Result<std::vector<AgentSnapshot>> unpublished_agents(std::string_view region,
                                                        std::int64_t after_id,
                                                        int at_most) override {
    return fuse_.around([&] { return inner_.unpublished_agents(region, after_id, at_most); });
  }
  Result<void> mark_published(std::int64_t agent_id, std::int64_t revision) override {
    return fuse_.around([&] { return inner_.mark_published(agent_id, revision); });
  }
  Result<void> drop_unneeded_values(std::string_view region, const LeaseTerm& term) override {
    return fuse_.around([&] { return inner_.drop_unneeded_values(region, term); });
  }
  Result<void> end_expired(std::string_view region, UnixMs now, const LeaseTerm& term) override {
    return fuse_.around([&] { return inner_.end_expired(region, now, term); });
  }
  Result<std::vector<PublishedAgent>> list_agents(std::string_view region) override {
    return fuse_.around([&] { return inner_.list_agents(region); });
  }
  Result<void> publish_again(std::span<const AgentRevision> agents,
                             const LeaseTerm& term) override {
    return fuse_.around([&] { return inner_.publish_again(agents, term); });
  }
  Result<std::vector<RetainedVersion>> retained_versions(std::string_view region) override {
    return fuse_.around([&] { return inner_.retained_versions(region); });
  }
  Result<ProvisionedVersion> read_retained(std::string_view region,
                                           const RetainedVersion& version) override {
    return fuse_.around([&] { return inner_.read_retained(region, version); });
  }
  void announce(std::string_view region) override { inner_.announce(region); }
  Result<std::unique_ptr<NoticeListener>> listen(NoticeHandler has_work, const Log& log) override {
    return inner_.listen(std::move(has_work), log);
  }

 private:
  Outbox& inner_;
  Fuse& fuse_;
};

class MortalRegion final : public ForwardingRegionStore {
 public:
  MortalRegion(RegionStore& inner, Fuse& fuse) : ForwardingRegionStore(inner), fuse_(fuse) {}
  Result<void> put_set_version(const ProvisionedVersion& version, const LeaseTerm& term) override {
    return fuse_.around([&] { return ForwardingRegionStore::put_set_version(version, term); });
  }
  Result<std::optional<ProvisionedVersion>> read_set_version(std::int64_t set_id,
                                                             std::int64_t version) override {
    return fuse_.around([&] { return ForwardingRegionStore::read_set_version(set_id, version); });
  }
  Result<void> put_agent(const AgentSnapshot& snapshot) override {
    return fuse_.around([&] { return ForwardingRegionStore::put_agent(snapshot); });
  }
  Result<void> retain_only(std::span<const RetainedVersion> versions,
                           const LeaseTerm& term) override {
    return fuse_.around([&] { return ForwardingRegionStore::retain_only(versions, term); });
  }

 private:
  Fuse& fuse_;
};

// Work of every kind: `bot` pins version 1 of a set that has a version 2 pending, has a credential
// to revoke, and a second agent and set are new.
void leave_work(TestStores& t) {
  t.write("bot-secrets", "A", "a1");
  t.write("bot-secrets", "B", "b1");
  t.provision();
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets")));
  need(t.catalog().credentials.add(kAdmin, t.acme, "bot", "kid1", {}));
  t.provisioner->publish_now();
  t.write("bot-secrets", "A", "a2");
  need(t.catalog().credentials.revoke(kAdmin, t.acme, "bot", "kid1"));
  t.write("new-secrets", "C", "c1");
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("new")));
  t.close();
}

// In the child. It reaches the end, with exit code 0, if the fuse allows more calls than there are.
[[noreturn]] void work_until_the_fuse_burns(TestStores& t, int die_at, When when) {
  auto opened = t.open();
  if (!opened) ::_exit(1);
  Fuse fuse{.die_at = die_at, .when = when};
  MortalOutbox outbox(opened->catalog->outbox, fuse);
  MortalRegion region(*opened->regions.at("us-west").store, fuse);
  LeaseKeeper lease(provisioner_work("us-west"), opened->catalog->leases, t.clock, t.log,
                    {.scope = LeaseScope::data_directory});
  lease.work_once();
  Provisioner provisioner("us-west", outbox, region, [] {}, lease, t.clock, t.log);
  provisioner.work_once();
  ::_exit(0);
}

// True when the child was killed, false when it finished.
bool killed(TestStores& t, int die_at, When when) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) work_until_the_fuse_burns(t, die_at, when);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) {
    REQUIRE(WTERMSIG(status) == SIGKILL);
    return true;
  }
  REQUIRE(WEXITSTATUS(status) == 0);
  return false;
}

void check_that_all_is_well(TestStores& t) {
  using Values = std::map<std::string, std::string>;
  t.reopen();
  t.provision();
  CHECK(t.set("bot-secrets").status == SetStatus::ready);
  CHECK(t.set("new-secrets").status == SetStatus::ready);
  CHECK(t.served("bot-secrets", 2) == Values{{"A", "a1"}, {"B", "b1"}});  // pinned
  CHECK(t.served("bot-secrets", 3) == Values{{"A", "a2"}, {"B", "b1"}});
  CHECK(t.served("new-secrets", 1) == Values{{"C", "c1"}});
  const AgentSnapshot bot = t.snapshot(t.agent("bot").id);
  REQUIRE(bot.sets.size() == 1);
  CHECK(bot.sets[0].version == 2);
  CHECK(bot.sets[0].latest_version == 3);
  CHECK(need(t.region().changed_keys(bot.sets[0].set_id, 2, 3)) == std::vector<std::string>{"A"});
  CHECK(need(t.region().find_credential("kid1"))->credential.revoked);
  CHECK(need(t.catalog().credentials.list(t.acme, "bot")).at(0).confirmed);
  const Agent newcomer = t.agent("new");
  CHECK(newcomer.reconciled_deployment == newcomer.deployment.id);
  CHECK(t.snapshot(newcomer.id).deployment_id == newcomer.deployment.id);
}

int survive_every_crash(When when) {
  const TestedDatabase database = GENERATE(from_range(tested_databases()));
  for (int die_at = 1;; ++die_at) {
    TestStores t(database);
    leave_work(t);
    const bool was_killed = killed(t, die_at, when);
    INFO("killed at call " << die_at);
    check_that_all_is_well(t);
    if (!was_killed) return die_at - 1;
  }
}

}  // namespace

TEST_CASE("a crash before any call of the provisioner loses nothing") {
  CHECK(survive_every_crash(When::before_the_call) >= 15);
}

TEST_CASE("a crash after any call of the provisioner loses nothing") {
  CHECK(survive_every_crash(When::after_the_call) >= 15);
}

}  // namespace agent_secrets::control_plane
