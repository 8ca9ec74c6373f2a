#include "control-plane/rest-api/process_metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace agent_secrets::control_plane {

std::string process_metrics(const Log& log) {
  prometheus::ClientMetric dropped;
  dropped.counter.value = static_cast<double>(log.dropped_lines());
  return prometheus::TextSerializer().Serialize(
      {{.name = "agent_secrets_log_lines_dropped_total",
        .help = "Lines of this server's log that could not be written.",
        .type = prometheus::MetricType::Counter,
        .metric = {dropped}}});
}

}  // namespace agent_secrets::control_plane
