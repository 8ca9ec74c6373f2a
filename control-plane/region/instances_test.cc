#include <algorithm>

#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kAgent = 7;

// A region with one agent, whose instances send requests.
class Heard {
 public:
  Heard() {
    AgentSnapshot agent;
    agent.agent_id = kAgent;
    agent.organization = "acme";
    agent.agent = "bot";
    need(stores.region().put_agent(agent));
  }
  HeardInstance report(std::string instance, std::int64_t sequence) {
    return {.agent_id = kAgent,
            .instance = std::move(instance),
            .sequence = sequence,
            .kid = "kid1",
            .active_sessions = 2,
            .at = stores.clock.unix_time()};
  }
  void start(const std::string& instance, std::int64_t sequence) {
    HeardInstance heard = report(instance, sequence);
    heard.started = true;
    record({heard});
  }
  void develop(const std::string& instance, std::int64_t sequence) {
    HeardInstance heard = report(instance, sequence);
    heard.started = true;
    heard.developers_run = true;
    record({heard});
  }
  void watch(const std::string& instance, std::int64_t sequence) {
    HeardInstance heard = report(instance, sequence);
    heard.watched = true;
    record({heard});
  }
  void record(const std::vector<HeardInstance>& reports) {
    need(stores.region().record_instances(reports, stores.clock.unix_time()));
  }
  void pass(milliseconds time) { stores.clock.advance(time); }
  void listen(milliseconds time) { stores.listen(time); }
  InstanceList list() { return need(stores.region().list_instances(std::nullopt)); }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const InstanceRecord& record : list().instances) {
      all.push_back(record.instance + "@" + std::to_string(record.sequence));
    }
    return all;
  }

  TestStores stores;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("the instances of an organization are listed without those of others") {
  Heard t;
  t.watch("host-1", 1);
  const std::vector<std::int64_t> live{kAgent};
  const auto count = [&](const OrganizationAgents& organization) {
    return need(t.stores.region().list_instances_of(organization)).instances.size();
  };
  CHECK(count({.name = "acme", .live = {}}) == 1);  // as for a deleted agent
  CHECK(count({.name = "other", .live = {}}) == 0);
  CHECK(count({.name = "other", .live = live}) == 1);  // the catalog knows whose agent it is
  CHECK(need(t.stores.region().list_instances_of({.name = "other", .live = {}})).listening.until ==
        t.list().listening.until);
}

TEST_CASE("a report of an agent that has been removed keeps no other report from being recorded") {
  Heard t;
  HeardInstance removed = t.report("gone", 1);
  removed.agent_id = kAgent + 1;
  removed.started = true;
  t.record({removed, t.report("here", 1)});
  CHECK(t.names() == std::vector<std::string>{"here@1"});
}

TEST_CASE("a start and a watch of an instance are recorded") {
  Heard region;
  const milliseconds began = region.stores.clock.unix_time();
  region.start("host-1", 5);
  CHECK_FALSE(region.list().instances.at(0).watched);
  region.pass(seconds(3));
  region.watch("host-1", 5);
  const InstanceRecord record = region.list().instances.at(0);
  CHECK(record.agent_id == kAgent);
  CHECK(record.instance == "host-1");
  CHECK(record.sequence == 5);
  CHECK(record.kid == "kid1");
  CHECK(record.active_sessions == 2);
  CHECK(record.first_seen == began);
  CHECK(record.since == began);
  CHECK(record.last_heard == began + seconds(3));
  CHECK(record.watched);
}

TEST_CASE("an instance that starts again keeps its record and is unwatched until it watches") {
  Heard region;
  const milliseconds began = region.stores.clock.unix_time();
  region.watch("host-1", 5);
  region.pass(seconds(60));
  region.start("host-1", 6);
  CHECK(region.names() == Names{"host-1@6"});
  const InstanceRecord record = region.list().instances.at(0);
  CHECK(record.first_seen == began);
  CHECK(record.since == began + seconds(60));
  CHECK_FALSE(record.watched);
}

TEST_CASE("a restart with the same release keeps the time since which the instance runs it") {
  Heard region;
  const milliseconds began = region.stores.clock.unix_time();
  region.watch("host-1", 5);
  region.pass(seconds(60));
  region.start("host-1", 5);
  const InstanceRecord record = region.list().instances.at(0);
  CHECK(record.since == began);
  CHECK_FALSE(record.watched);
}

TEST_CASE("two watching instances with one id and different releases have two records") {
  Heard region;
  region.watch("host", 5);
  region.start("host", 6);
  region.watch("host", 6);
  region.watch("host", 5);
  CHECK(region.names() == Names{"host@5", "host@6"});
}

TEST_CASE("a watch without a sequence replaces no record, and a watch with one replaces it") {
  Heard region;
  region.start("host-1", 5);
  region.watch("host-1", 0);
  CHECK(region.names() == Names{"host-1@5"});
  CHECK_FALSE(region.list().instances.at(0).watched);
  region.watch("host-2", 0);
  CHECK(region.names() == Names{"host-1@5", "host-2@0"});
  region.watch("host-2", 5);
  CHECK(region.names() == Names{"host-1@5", "host-2@5"});
}

TEST_CASE("reports of known and of new instances are recorded together") {
  Heard region;
  region.start("known", 5);
  region.start("other", 5);
  region.pass(seconds(1));
  HeardInstance known = region.report("known", 5);
  known.watched = true;
  known.active_sessions = 3;
  known.kid = "kid2";
  HeardInstance fresh = region.report("new", 5);
  fresh.watched = true;
  region.record({known, fresh});
  CHECK(region.names() == Names{"known@5", "new@5", "other@5"});
  const InstanceRecord record = region.list().instances.front();
  CHECK(record.watched);
  CHECK(record.active_sessions == 3);
  CHECK(record.kid == "kid2");
  CHECK(record.last_heard - record.since == seconds(1));
  CHECK_FALSE(region.list().instances.back().watched);
}

TEST_CASE("a report that is older than the record does not set it back") {
  Heard region;
  region.start("host", 5);
  HeardInstance older = region.report("host", 5);
  older.at -= seconds(1);
  region.record({older});
  CHECK(region.list().instances.front().last_heard == region.list().instances.front().since);
}

TEST_CASE("the listening time continues after a short pause, and begins again after a long one") {
  Heard region;
  region.record({});
  const milliseconds began = region.stores.clock.unix_time();
  CHECK(region.list().listening.since == began);  // the region had an agent already
  region.pass(limits::kListeningGap);
  region.record({});
  CHECK(region.list().listening.since == began);
  region.pass(limits::kListeningGap + milliseconds(1));
  region.record({});
  CHECK(region.list().listening.since == region.stores.clock.unix_time());
  CHECK(region.list().listening.until == region.stores.clock.unix_time());
}

TEST_CASE("the listening time of a region without agents begins at 0") {
  TestStores stores;
  need(stores.region().record_instances({}, stores.clock.unix_time()));
  CHECK(need(stores.region().list_instances(std::nullopt)).listening.since == milliseconds(0));
}

TEST_CASE("a watched instance is forgotten after a day of silence, an unwatched instance never") {
  Heard region;
  region.watch("watched", 5);
  region.start("unwatched", 5);
  region.listen(hours(24));
  CHECK(region.names() == Names{"unwatched@5", "watched@5"});
  region.listen(seconds(20));
  CHECK(region.names() == Names{"unwatched@5"});
}

TEST_CASE("server downtime does not make the region forget an instance") {
  Heard region;
  region.watch("watched", 5);
  region.pass(hours(48));
  region.record({});
  CHECK(region.names() == Names{"watched@5"});
}

TEST_CASE("an operator can forget an instance") {
  Heard region;
  region.start("host-1", 5);
  region.start("host-2", 5);
  CHECK(need(region.stores.region().forget_instance(kAgent, "host-1")));
  CHECK_FALSE(need(region.stores.region().forget_instance(kAgent, "host-1")));
  CHECK(region.names() == Names{"host-2@5"});
}

TEST_CASE("past the limit silent instances are dropped first, and other drops leave a record") {
  Heard region;
  std::vector<HeardInstance> reports{region.report("long-silent", 5), region.report("old", 5)};
  reports[0].watched = true;
  region.record(reports);
  region.listen(limits::kInstanceSilent + seconds(20));
  region.watch("host-0", 5);
  region.stores.fill("region-us-west", limits::kInstancesPerAgent - 3,
                     "INSERT INTO instances (agent_id, instance, sequence, kid, active_sessions,"
                     " first_seen, since, last_heard, watched)"
                     " SELECT agent_id, 'host-' || n, sequence, kid, active_sessions, first_seen,"
                     " since, last_heard, watched FROM instances, numbers"
                     " WHERE instance = 'host-0'");
  CHECK(region.list().instances.size() == limits::kInstancesPerAgent);
  region.watch("last", 5);
  CHECK(region.list().instances.size() == limits::kInstancesPerAgent);
  const auto named = [&](std::string_view name) {
    return std::ranges::count(region.list().instances, name, &InstanceRecord::instance);
  };
  CHECK(named("long-silent") == 0);
  CHECK(named("old") == 1);
  CHECK(named(kUnlistedInstances) == 0);
  region.watch("one-more", 5);
  CHECK(region.list().instances.size() == limits::kInstancesPerAgent + 1);
  CHECK(named("one-more") == 1);
  CHECK(named("old") == 0);
  CHECK(named(kUnlistedInstances) == 1);
}

// The agent with one credential.
AgentSnapshot agent_with(bool revoked, bool deleted) {
  AgentSnapshot agent;
  agent.agent_id = kAgent;
  agent.revision = 1;
  agent.organization = "acme";
  agent.agent = "bot";
  agent.deleted = deleted;
  agent.credentials.push_back({.kid = "kid1", .keys = {}, .revoked = revoked});
  return agent;
}

TEST_CASE("watches with a revoked credential are not recorded") {
  Heard region;
  need(region.stores.region().put_agent(agent_with(false, false)));
  region.watch("host", 5);
  need(region.stores.region().put_agent(agent_with(true, false)));
  region.watch("host", 6);
  region.watch("invented", 5);
  CHECK(region.names() == std::vector<std::string>{"host@5"});
}

TEST_CASE("an instance becomes unwatched when its credential is revoked") {
  Heard region;
  need(region.stores.region().put_agent(agent_with(false, false)));
  region.watch("host", 5);
  CHECK(region.list().instances.at(0).watched);
  need(region.stores.region().put_agent(agent_with(true, false)));
  CHECK_FALSE(region.list().instances.at(0).watched);
  region.listen(limits::kInstanceForgotten + hours(1));
  CHECK(region.names() == std::vector<std::string>{"host@5"});
}

TEST_CASE("watches for a deleted agent are recorded for known instances only") {
  Heard region;
  need(region.stores.region().put_agent(agent_with(false, false)));
  region.watch("host", 5);
  need(region.stores.region().put_agent(agent_with(false, true)));
  region.pass(seconds(50));
  region.watch("host", 5);
  region.watch("invented", 5);
  CHECK(region.names() == std::vector<std::string>{"host@5"});
  CHECK(region.list().instances.at(0).last_heard == region.stores.clock.unix_time());
}

TEST_CASE("a developer's runs are kept for a day after the last start of each release") {
  Heard region;
  region.develop("laptop.develop", 5);
  region.listen(hours(12));
  region.develop("laptop.develop", 6);
  CHECK(region.names() == Names{"laptop.develop@5", "laptop.develop@6"});
  CHECK(region.list().instances.at(0).developers_run);
  region.listen(hours(12));
  CHECK(region.names() == Names{"laptop.develop@5", "laptop.develop@6"});
  region.listen(seconds(20));
  CHECK(region.names() == Names{"laptop.develop@6"});
  region.develop("laptop.develop", 6);
  region.listen(hours(24));
  CHECK(region.names() == Names{"laptop.develop@6"});
}

TEST_CASE("a developer's start under the id of a bot does not change the bot's record") {
  Heard region;
  region.watch("host-1", 5);
  region.start("host-2", 5);
  region.develop("host-1", 5);
  region.develop("host-2", 5);
  region.develop("host-2", 6);
  CHECK(region.names() == Names{"host-1@5", "host-2@5", "host-2@6"});
  CHECK(region.list().instances.at(0).watched);
  CHECK_FALSE(region.list().instances.at(0).developers_run);
  CHECK_FALSE(region.list().instances.at(1).developers_run);
  region.listen(hours(48));
  CHECK(region.names() == Names{"host-2@5"});
}

TEST_CASE("a start or a watch of a bot replaces a developer's run with the same id") {
  Heard region;
  region.develop("host-1", 5);
  region.develop("host-1", 6);
  region.start("host-1", 6);
  CHECK(region.names() == Names{"host-1@6"});
  CHECK_FALSE(region.list().instances.at(0).developers_run);
  region.develop("host-2", 6);
  region.watch("host-2", 6);
  CHECK_FALSE(region.list().instances.at(1).developers_run);
}

TEST_CASE("forget_instances() keeps watched instances that are not silent, and newer records") {
  Heard region;
  region.start("old", 5);
  region.develop("laptop.develop", 5);
  region.watch("watching", 5);
  region.listen(seconds(40));
  const milliseconds before = region.stores.clock.unix_time();
  const auto forget = [&](milliseconds time) {
    return need(region.stores.region().forget_instances(kAgent, time));
  };
  region.start("young", 5);
  CHECK(forget(before - hours(1)) == 0);
  CHECK(need(region.stores.region().forget_instances(kAgent + 1, before)) == 0);
  CHECK(forget(before) == 2);
  CHECK(region.names() == Names{"watching@5", "young@5"});
  region.listen(limits::kInstanceSilent + seconds(20));
  CHECK(forget(before) == 1);
  CHECK(region.names() == Names{"young@5"});
}

}  // namespace agent_secrets::control_plane
