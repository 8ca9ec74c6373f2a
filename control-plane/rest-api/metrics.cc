#include "control-plane/rest-api/metrics.h"

#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "core/printable.h"

namespace agent_secrets::control_plane {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

std::string version_label(const FleetInstance& instance) {
  if (!instance.release) return "unknown";
  std::string versions;
  for (const PinnedSet& set : instance.release->sets) {
    versions += fmt::format("{}{}", versions.empty() ? "" : ",", set.version);
  }
  return versions.empty() ? "none" : versions;
}

MetricFamily gauge(std::string name, std::string help) {
  return {.name = std::move(name),
          .help = std::move(help),
          .type = prometheus::MetricType::Gauge,
          .metric = {}};
}

void add(MetricFamily& family, std::vector<ClientMetric::Label> labels, double value) {
  for (ClientMetric::Label& label : labels) label.value = printable(label.value);
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

void add_instances(MetricFamily& family, const FleetAgent& agent) {
  std::map<std::tuple<std::string, std::string_view, bool>, std::size_t> counts;
  for (const FleetInstance& instance : agent.instances) {
    ++counts[{version_label(instance), instance.state, instance.heard.watched}];
  }
  for (const auto& [key, count] : counts) {
    const auto& [version, state, watched] = key;
    add(family,
        {{"organization", agent.organization},
         {"agent", agent.name},
         {"version", version},
         {"state", std::string(state)},
         {"watched", watched ? "true" : "false"}},
        static_cast<double>(count));
  }
}

void append(std::vector<FleetInstance>& to, const std::vector<FleetInstance>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// A deleted agent and a later one of its name are one to the metrics.
std::vector<FleetAgent> by_name(const Fleet& fleet, std::string_view organization) {
  std::vector<FleetAgent> agents;
  for (const FleetAgent& agent : fleet.agents) {
    if (agent.organization != organization) continue;
    if (!agents.empty() && agents.back().name == agent.name) {
      append(agents.back().instances, agent.instances);
      append(agents.back().developer_runs, agent.developer_runs);
    } else {
      agents.push_back(agent);
    }
  }
  return agents;
}

}  // namespace

std::string fleet_metrics(const std::vector<Fleet>& fleets, std::string_view organization,
                          std::chrono::milliseconds now) {
  MetricFamily instances =
      gauge("agent_secrets_instances",
            "Instances by what they run; watched: by a sidecar, so that they expire.");
  MetricFamily developers = gauge(
      "agent_secrets_developer_runs",
      "Runs of developers that started in the last 24 hours; instances are counted without them.");
  MetricFamily sessions =
      gauge("agent_secrets_active_sessions", "Sessions that the instances of an agent report.");
  MetricFamily age = gauge("agent_secrets_reports_age_seconds",
                           "Since reports of instances were last recorded in a region.");
  for (const Fleet& fleet : fleets) {
    for (const FleetAgent& agent : by_name(fleet, organization)) {
      add_instances(instances, agent);
      add(developers, {{"organization", agent.organization}, {"agent", agent.name}},
          static_cast<double>(agent.developer_runs.size()));
      add(sessions, {{"organization", agent.organization}, {"agent", agent.name}},
          static_cast<double>(agent.active_sessions()));
    }
    if (fleet.listening.until.count() == 0) continue;
    add(age, {{"region", fleet.region}},
        static_cast<double>((now - fleet.listening.until).count()) / 1000);
  }
  return prometheus::TextSerializer().Serialize(
      {std::move(instances), std::move(developers), std::move(sessions), std::move(age)});
}

// 0 and not a missing series, so that an alert on the age also fires before the first backup.
std::string backup_metrics(std::optional<std::chrono::milliseconds> last_backup) {
  MetricFamily time = gauge("agent_secrets_last_backup_timestamp_seconds",
                            "Unix time of the last backup that was written; 0: none.");
  add(time, {},
      std::chrono::duration<double>(last_backup.value_or(std::chrono::milliseconds(0))).count());
  return prometheus::TextSerializer().Serialize({std::move(time)});
}

}  // namespace agent_secrets::control_plane
