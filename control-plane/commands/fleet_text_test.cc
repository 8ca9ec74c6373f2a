#include "control-plane/commands/fleet_text.h"

#include "core/printable.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr milliseconds kNow = seconds(1'700'059'320);  // 2023-11-15 14:42 UTC
constexpr std::int64_t kSet = 3;
constexpr TerminalStyle kPlain;
constexpr TerminalStyle kColoured{.terminal = true, .colour = true, .symbols = true};

FleetInstance instance(std::string name, std::int64_t version, bool watched) {
  Release release{.sequence = version, .deployment_id = "d", .sets = {}};
  release.sets.push_back({.set_id = kSet, .name = "keys", .version = version, .changed_keys = {}});
  return {.heard = {.instance = std::move(name),
                    .sequence = version,
                    .kid = "ak_1",
                    .active_sessions = 1,
                    .first_seen = kNow - minutes(40),
                    .since = kNow - minutes(40),
                    .last_heard = kNow - seconds(12),
                    .watched = watched},
          .state = version == 7 ? "current" : "superseded",
          .release = std::make_shared<const Release>(std::move(release))};
}

Fleet fleet_with(std::vector<FleetInstance> instances) {
  FleetAgent bot{.organization = "acme",
                 .name = "bot",
                 .sets = {},
                 .instances = std::move(instances),
                 .silent = {}};
  bot.sets.push_back(
      {.set_id = kSet, .name = "keys", .version = 7, .latest_version = 7, .changed_keys = {}});
  Fleet fleet{.region = "us-west",
              .listening = {.since = milliseconds(0), .until = kNow},
              .is_served = true,
              .agents = {}};
  fleet.agents.push_back(std::move(bot));
  return fleet;
}

TEST_CASE("names of the fleet are shown with their hidden characters escaped") {
  const std::string hostile = "\x1b[2J\u009b\u202e";
  Fleet fleet = fleet_with({instance("host" + hostile, 6, true)});
  fleet.region += hostile;
  fleet.is_served = false;
  fleet.agents[0].name += hostile;
  fleet.agents[0].sets[0].name += hostile;
  const std::string text = fleet_text({fleet}, kNow, kPlain);
  CHECK(printable_lines(text) == text);
  CHECK(text.find("host\\x1b[2J\\xc2\\x9b\\xe2\\x80\\xae") != std::string::npos);
}

TEST_CASE("the fleet is a table of instances and a line for each agent") {
  FleetInstance unknown = instance("host-4", 1, true);
  unknown.state = "unknown";
  unknown.release.reset();
  const Fleet fleet = fleet_with({instance("host-1", 7, true), instance("host-2", 6, true),
                                  instance("host-3", 6, false), unknown});
  CHECK(fleet_text({fleet}, kNow, kPlain) ==
        "AGENT  INSTANCE  STATE       RUNS     SESSIONS  FIRST SEEN (UTC)  LAST HEARD  WATCHED  "
        "KEY ID\n"
        "bot    host-1    current     keys v7  1         14:02             12 s ago    yes      "
        "ak_1\n"
        "bot    host-2    superseded  keys v6  1         14:02             12 s ago    yes      "
        "ak_1\n"
        "bot    host-3    superseded  keys v6  1         14:02             12 s ago    no       "
        "ak_1\n"
        "bot    host-4    unknown     unknown  1         14:02             12 s ago    yes      "
        "ak_1\n"
        "\n"
        "bot: 4 instances, 4 sessions; 2 of 4 instances still on version 6 of keys;"
        " 1 of 4 instances of unknown version; 1 without a sidecar\n");
}

TEST_CASE("colour does not move the columns") {
  const Fleet fleet = fleet_with({instance("host-1", 7, true)});
  CHECK(fleet_text({fleet}, kNow, kColoured).find("\x1b[32mcurrent\x1b[0m  keys v7") !=
        std::string::npos);
}

TEST_CASE("without a running server the text gives the time of the last record") {
  Fleet fleet = fleet_with({instance("host-1", 7, true)});
  fleet.is_served = false;
  fleet.listening.until = kNow - hours(24);
  CHECK(fleet_text({fleet}, kNow, kPlain)
            .ends_with("region us-west: no server listens: this is what was known at 2023-11-14 "
                       "14:42\n"));
  CHECK(fleet_text({}, kNow, kPlain) == "no instance has been heard of\n");
}

TEST_CASE(
    "the status of a set lists the instances of each version, and which versions may be revoked") {
  SetUsage usage{.set = {.name = "keys",
                         .region = "us-west",
                         .status = SetStatus::ready,
                         .error_message = {},
                         .version = 7,
                         .ready_version = 7,
                         .protected_by = {},
                         .host = {},
                         .keys = {},
                         .writes = {},
                         .warning = {}},
                 .listening = {.since = milliseconds(0), .until = kNow},
                 .is_served = true,
                 .instances = 40,
                 .versions = {},
                 .version_unknown = {},
                 .every_other = SafeToRevoke::yes,
                 .every_other_reason = {}};
  usage.versions.push_back({.version = 6,
                            .agents = {{.agent = "bot",
                                        .instances = 3,
                                        .unwatched = {"host-3"},
                                        .oldest_since = kNow - minutes(40),
                                        .unwatched_since = kNow - minutes(30)}},
                            .pinned_by = {},
                            .silent = 2,
                            .safe = SafeToRevoke::no,
                            .reason = "2 instances run it"});
  usage.versions[0].agents.push_back({.agent = "trial",
                                      .unwatched = {},
                                      .oldest_since = {},
                                      .unwatched_since = {},
                                      .developer_runs = {"laptop.develop"},
                                      .last_developer_start = kNow - minutes(30)});
  CHECK(set_status_text(usage, kNow, kPlain) ==
        "keys: ready, version 7, region us-west\n"
        "v6: 3 of 40 instances, oldest since 14:02, safe to revoke: no (2 instances run it)\n"
        "    bot: 3 instances, 1 without a sidecar since 14:12: host-3\n"
        "    trial: 0 instances, 1 run by developers, the last 14:12: laptop.develop\n"
        "    2 instances that watched fell silent with it: gone, or without their sidecar\n"
        "every other version: safe to revoke: yes\n");
}

TEST_CASE("developers' runs have a table of their own") {
  Fleet fleet = fleet_with({instance("host-1", 7, true)});
  fleet.agents[0].developer_runs = {instance("laptop.develop", 6, false)};
  CHECK(
      fleet_text({fleet}, kNow, kPlain) ==
      "AGENT  INSTANCE  STATE    RUNS     SESSIONS  FIRST SEEN (UTC)  LAST HEARD  WATCHED  KEY ID\n"
      "bot    host-1    current  keys v7  1         14:02             12 s ago    yes      ak_1\n"
      "\n"
      "AGENT  DEVELOPER'S RUN  STATE       RUNS     FIRST STARTED (UTC)  LAST STARTED  KEY ID\n"
      "bot    laptop.develop   superseded  keys v6  14:02                12 s ago      ak_1\n"
      "\n"
      "bot: 1 instance, 1 session; 1 developer's run\n");
  fleet.agents[0].instances.clear();
  CHECK(fleet_text({fleet}, kNow, kPlain).starts_with("AGENT  DEVELOPER'S RUN"));
}

}  // namespace
}  // namespace agent_secrets::control_plane
