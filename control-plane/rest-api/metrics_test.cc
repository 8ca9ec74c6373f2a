#include "control-plane/rest-api/metrics.h"

#include "control-plane/rest-api/process_metrics.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;

FleetInstance instance(std::string_view state, std::vector<std::int64_t> versions, bool watched) {
  FleetInstance made{.heard = {}, .state = state, .release = {}};
  made.heard.watched = watched;
  made.heard.active_sessions = 2;
  Release release{.sequence = 1, .deployment_id = "d", .sets = {}};
  for (const std::int64_t version : versions) {
    release.sets.push_back({.name = "secret-name", .version = version, .changed_keys = {}});
  }
  made.release = std::make_shared<const Release>(std::move(release));
  return made;
}

Fleet fleet_of(std::vector<FleetInstance> instances) {
  Fleet fleet{.region = "us-west",
              .listening = {.since = milliseconds(0), .until = milliseconds(5'000)},
              .agents = {}};
  fleet.agents.push_back({.organization = "acme",
                          .name = "bot",
                          .sets = {},
                          .instances = std::move(instances),
                          .silent = {}});
  fleet.agents.push_back({.organization = "other",
                          .name = "theirs",
                          .sets = {},
                          .instances = {instance("current", {1}, true)},
                          .silent = {}});
  return fleet;
}

std::string metrics(const Fleet& fleet) {
  return fleet_metrics({fleet}, "acme", milliseconds(7'500));
}

TEST_CASE("instances are counted by version, state and whether they are watched") {
  const std::string text =
      metrics(fleet_of({instance("current", {7}, true), instance("current", {7}, true),
                        instance("superseded", {6}, false)}));
  CHECK(text.find("agent_secrets_instances{organization=\"acme\",agent=\"bot\",version=\"7\","
                  "state=\"current\",watched=\"true\"} 2\n") != std::string::npos);
  CHECK(text.find("version=\"6\",state=\"superseded\",watched=\"false\"} 1\n") !=
        std::string::npos);
  CHECK(text.find("agent_secrets_active_sessions{organization=\"acme\",agent=\"bot\"} 6\n") !=
        std::string::npos);
  CHECK(text.find("agent_secrets_reports_age_seconds{region=\"us-west\"} 2.5\n") !=
        std::string::npos);
}

TEST_CASE("no set's name and no other organization is in the metrics") {
  const std::string text = metrics(fleet_of({instance("current", {7, 2}, true)}));
  CHECK(text.find("version=\"7,2\"") != std::string::npos);
  CHECK(text.find("secret-name") == std::string::npos);
  CHECK(text.find("theirs") == std::string::npos);
}

TEST_CASE("an unknown version, and none, are said so") {
  FleetInstance unknown = instance("superseded", {}, true);
  unknown.release.reset();
  const std::string text = metrics(fleet_of({unknown, instance("current", {}, true)}));
  CHECK(text.find("version=\"unknown\"") != std::string::npos);
  CHECK(text.find("version=\"none\"") != std::string::npos);
}

TEST_CASE("a series is gone with its last instance") {
  CHECK(metrics(fleet_of({})).find("agent_secrets_instances{") == std::string::npos);
}

TEST_CASE("what the server refused is counted by the limit that refused it") {
  HttpCounters counters;
  counters.failed_authentications = 600;
  counters.refused_watches = 3;
  const Log log{"test", LogLevel::error, LogFormat::text};
  const std::string text = process_metrics(log, counters, {});
  CHECK(text.find("agent_secrets_failed_authentications_total 600\n") != std::string::npos);
  CHECK(text.find("agent_secrets_http_refusals_total{reason=\"watches\"} 3\n") !=
        std::string::npos);
  CHECK(text.find("agent_secrets_http_refusals_total{reason=\"bodies\"} 0\n") != std::string::npos);
}

TEST_CASE("a listener that is not connected is 0, and SQLite has none") {
  const Log log{"test", LogLevel::error, LogFormat::text};
  const HttpCounters counters;
  CHECK(process_metrics(log, counters, {}).find("listener") == std::string::npos);
  const std::string text = process_metrics(log, counters,
                                           {{.database = "catalog", .is_connected = true},
                                            {.database = "region us-west", .is_connected = false}});
  CHECK(text.find("agent_secrets_listener_connected{database=\"catalog\"} 1\n") !=
        std::string::npos);
  CHECK(text.find("agent_secrets_listener_connected{database=\"region us-west\"} 0\n") !=
        std::string::npos);
}

TEST_CASE("developers' runs are counted apart from the instances") {
  Fleet fleet = fleet_of({instance("current", {7}, true)});
  fleet.agents[0].developer_runs = {instance("current", {7}, false), instance("stale", {6}, false)};
  const std::string text = metrics(fleet);
  CHECK(text.find("agent_secrets_developer_runs{organization=\"acme\",agent=\"bot\"} 2\n") !=
        std::string::npos);
  CHECK(text.find("watched=\"false\"") == std::string::npos);
  CHECK(metrics(fleet_of({}))
            .find("agent_secrets_developer_runs{organization=\"acme\",agent="
                  "\"bot\"} 0\n") != std::string::npos);
}

}  // namespace
TEST_CASE("the time of the last backup is 0 without one") {
  CHECK(backup_metrics(std::nullopt).find("agent_secrets_last_backup_timestamp_seconds 0\n") !=
        std::string::npos);
  CHECK(backup_metrics(milliseconds(1'500))
            .find("agent_secrets_last_backup_timestamp_seconds 1.5\n") != std::string::npos);
}

}  // namespace agent_secrets::control_plane
