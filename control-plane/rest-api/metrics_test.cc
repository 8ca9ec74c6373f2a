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

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
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
  counters.failed_authentications.add(600);
  counters.refused_watches.add(3);
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
  const std::string text =
      process_metrics(log, counters,
                      {.listeners = {{.database = "catalog", .is_connected = true},
                                     {.database = "region us-west", .is_connected = false}}});
  CHECK(text.find("agent_secrets_listener_connected{database=\"catalog\"} 1\n") !=
        std::string::npos);
  CHECK(text.find("agent_secrets_listener_connected{database=\"region us-west\"} 0\n") !=
        std::string::npos);
}

TEST_CASE("requests are counted by the pattern of their route and by the class of their status") {
  HttpCounters counters;
  counters.requests.begin({"GET /v1/secrets/{set}", "GET /livez"});
  counters.requests.count(0, {.status = 200,
                              .duration = std::chrono::microseconds(3'000),
                              .request_body = 0,
                              .response = 700});
  counters.requests.count(
      0, {.status = 503, .duration = std::chrono::seconds(20), .request_body = 0, .response = 300});
  counters.requests.count({}, {.status = 404, .duration = {}, .request_body = 0, .response = 1});
  const Log log{"test", LogLevel::error, LogFormat::text};
  const std::string text = process_metrics(log, counters, {});
  const std::string duration = "agent_secrets_http_request_duration_seconds";
  const std::string route = "method=\"GET\",route=\"/v1/secrets/{set}\"";
  CHECK(contains(text, duration + "_bucket{" + route + ",status=\"2xx\",le=\"0.0025\"} 0\n"));
  CHECK(contains(text, duration + "_bucket{" + route + ",status=\"2xx\",le=\"0.005\"} 1\n"));
  CHECK(contains(text, duration + "_sum{" + route + ",status=\"2xx\"} 0.003"));
  CHECK(contains(text, duration + "_bucket{" + route + ",status=\"5xx\",le=\"10\"} 0\n"));
  CHECK(contains(text, duration + "_bucket{" + route + ",status=\"5xx\",le=\"+Inf\"} 1\n"));
  CHECK(contains(text, "agent_secrets_http_response_bytes_sum{" + route + "} 1000\n"));
  CHECK(contains(text, "method=\"other\",route=\"none\",status=\"4xx\"} 1\n"));
  CHECK_FALSE(contains(text, "/livez"));  // a route without a request
}

TEST_CASE("the state of the process is in its metrics") {
  HttpCounters counters;
  counters.certificate_not_after = 1'800'000'000;
  counters.parked_requests.add(5);
  counters.parked_requests.take(2);
  WriteCounts writes{.waiting = 4, .groups = {7, 0, 1}, .writes = 10};
  const Log log{"test", LogLevel::error, LogFormat::text};
  const std::string text =
      process_metrics(log, counters,
                      {.databases = {{.database = "catalog", .writes = writes}},
                       .provisioning = {{.region = "eu", .lag = milliseconds(1'500)},
                                        {.region = "us", .lag = {}}}});
  CHECK(contains(text, "agent_secrets_tls_certificate_not_after_timestamp_seconds 1800000000\n"));
  CHECK(contains(text, "agent_secrets_http_requests{state=\"parked\"} 3\n"));
  CHECK(contains(text, "agent_secrets_database_waiting_writes{database=\"catalog\"} 4\n"));
  CHECK(contains(text, "commit_writes_bucket{database=\"catalog\",le=\"2\"} 7\n"));
  CHECK(contains(text, "commit_writes_bucket{database=\"catalog\",le=\"4\"} 8\n"));
  CHECK(contains(text, "commit_writes_sum{database=\"catalog\"} 10\n"));
  CHECK(contains(text, "agent_secrets_provisioning_lag_seconds{region=\"eu\"} 1.5\n"));
  CHECK_FALSE(contains(text, "agent_secrets_provisioning_lag_seconds{region=\"us\"}"));
  CHECK(contains(text, "agent_secrets_provisioner_active{region=\"us\"} 0\n"));
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
