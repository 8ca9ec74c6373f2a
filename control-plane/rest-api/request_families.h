#pragma once
// The durations and sizes of requests as Prometheus' histograms. A part of process_metrics.h.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <prometheus/metric_family.h>

#include "control-plane/http/request_metrics.h"

namespace agent_secrets::control_plane {

// `counts` has the values up to each bound and above the one before. It may have one more, for
// values above the last bound. Bounds and sum are divided by `per`.
prometheus::ClientMetric histogram_metric(std::vector<prometheus::ClientMetric::Label> labels,
                                          std::span<const std::uint64_t> bounds,
                                          std::span<const std::uint64_t> counts, double sum,
                                          double per);

std::vector<prometheus::MetricFamily> request_families(const RequestMetrics& requests);

}  // namespace agent_secrets::control_plane
