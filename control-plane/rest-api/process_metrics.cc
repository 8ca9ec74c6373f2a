#include "control-plane/rest-api/process_metrics.h"

#include <cstdint>
#include <utility>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace agent_secrets::control_plane {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

MetricFamily counter(std::string name, std::string help) {
  return {.name = std::move(name),
          .help = std::move(help),
          .type = prometheus::MetricType::Counter,
          .metric = {}};
}

void add_count(MetricFamily& family, std::vector<ClientMetric::Label> labels, std::uint64_t value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(value);
  family.metric.push_back(std::move(metric));
}

void add_refusals(std::vector<MetricFamily>& families, const HttpCounters& counters) {
  MetricFamily failed = counter("agent_secrets_failed_authentications_total",
                                "Requests with a token or proof that did not hold.");
  add_count(failed, {}, counters.failed_authentications);
  MetricFamily refusals = counter("agent_secrets_http_refusals_total",
                                  "Requests and connections refused because of a limit.");
  const std::pair<const char*, std::uint64_t> reasons[] = {
      {"failed_authentications", counters.throttled}, {"bodies", counters.refused_bodies},
      {"answers", counters.refused_answers},          {"watches", counters.refused_watches},
      {"connections", counters.closed_connections},
  };
  for (const auto& [reason, count] : reasons) add_count(refusals, {{"reason", reason}}, count);
  families.push_back(std::move(failed));
  families.push_back(std::move(refusals));
}

MetricFamily dropped_lines(const Log& log) {
  MetricFamily dropped = counter("agent_secrets_log_lines_dropped_total",
                                 "Lines of this server's log that could not be written.");
  add_count(dropped, {}, log.dropped_lines());
  return dropped;
}

MetricFamily connected_listeners(const std::vector<ListenerState>& listeners) {
  MetricFamily family{
      .name = "agent_secrets_listener_connected",
      .help =
          "1 while the database sends this server the notices of other servers; at 0 it looks "
          "for changes once a second.",
      .type = prometheus::MetricType::Gauge,
      .metric = {}};
  for (const ListenerState& listener : listeners) {
    ClientMetric metric;
    metric.label = {{"database", listener.database}};
    metric.gauge.value = listener.is_connected ? 1 : 0;
    family.metric.push_back(std::move(metric));
  }
  return family;
}

}  // namespace

std::string process_metrics(const Log& log, const HttpCounters& counters,
                            const std::vector<ListenerState>& listeners) {
  std::vector<MetricFamily> families;
  add_refusals(families, counters);
  families.push_back(dropped_lines(log));
  if (!listeners.empty()) families.push_back(connected_listeners(listeners));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace agent_secrets::control_plane
