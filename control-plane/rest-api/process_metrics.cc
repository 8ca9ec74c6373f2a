#include "control-plane/rest-api/process_metrics.h"

#include <utility>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace agent_secrets::control_plane {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

MetricFamily dropped_lines(const Log& log) {
  ClientMetric dropped;
  dropped.counter.value = static_cast<double>(log.dropped_lines());
  return {.name = "agent_secrets_log_lines_dropped_total",
          .help = "Lines of this server's log that could not be written.",
          .type = prometheus::MetricType::Counter,
          .metric = {dropped}};
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

std::string process_metrics(const Log& log, const std::vector<ListenerState>& listeners) {
  std::vector<MetricFamily> families{dropped_lines(log)};
  if (!listeners.empty()) families.push_back(connected_listeners(listeners));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace agent_secrets::control_plane
