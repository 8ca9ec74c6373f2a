#include "control-plane/rest-api/request_families.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

namespace agent_secrets::control_plane {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using Labels = std::vector<ClientMetric::Label>;

MetricFamily histogram_family(std::string name, std::string help) {
  return {.name = std::move(name),
          .help = std::move(help),
          .type = prometheus::MetricType::Histogram,
          .metric = {}};
}

// "GET /v1/secrets" as two labels.
Labels labels_of(std::string_view pattern) {
  const std::size_t space = pattern.find(' ');
  if (space == std::string_view::npos) return {{"method", "other"}, {"route", "none"}};
  return {{"method", std::string(pattern.substr(0, space))},
          {"route", std::string(pattern.substr(space + 1))}};
}

// Nothing is added while nothing was counted.
template <std::size_t Bounds>
void add(MetricFamily& family, Labels labels, const Histogram<Bounds>& counted,
         const std::array<std::uint64_t, Bounds>& bounds, double per) {
  std::array<std::uint64_t, Bounds + 1> counts{};
  std::ranges::transform(counted.ranges, counts.begin(), &Tally::value);
  if (std::ranges::all_of(counts, [](std::uint64_t count) { return count == 0; })) return;
  family.metric.push_back(histogram_metric(std::move(labels), bounds, counts,
                                           static_cast<double>(counted.sum.value()), per));
}

void add_durations(MetricFamily& family, const Labels& route,
                   const RequestMetrics::OfRoute& counted) {
  constexpr double kMicrosecondsPerSecond = 1e6;
  for (std::size_t i = 0; i < counted.durations.size(); ++i) {
    Labels labels = route;
    labels.push_back({"status", std::to_string(i + 1) + "xx"});
    add(family, std::move(labels), counted.durations.at(i), RequestMetrics::kMicroseconds,
        kMicrosecondsPerSecond);
  }
}

}  // namespace

ClientMetric histogram_metric(Labels labels, std::span<const std::uint64_t> bounds,
                              std::span<const std::uint64_t> counts, double sum, double per) {
  ClientMetric metric;
  metric.label = std::move(labels);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    cumulative += counts[i];
    metric.histogram.bucket.push_back(
        {.cumulative_count = cumulative, .upper_bound = static_cast<double>(bounds[i]) / per});
  }
  metric.histogram.sample_count = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  metric.histogram.sample_sum = sum / per;
  metric.histogram.bucket.push_back({.cumulative_count = metric.histogram.sample_count,
                                     .upper_bound = std::numeric_limits<double>::infinity()});
  return metric;
}

std::vector<MetricFamily> request_families(const RequestMetrics& requests) {
  MetricFamily durations = histogram_family(
      "agent_secrets_http_request_duration_seconds",
      "From a request's first byte to its answer's last byte, without the parked time.");
  MetricFamily bodies =
      histogram_family("agent_secrets_http_request_body_bytes", "Size of the request's body.");
  MetricFamily responses =
      histogram_family("agent_secrets_http_response_bytes", "Size of the answer with its headers.");
  requests.each([&](std::string_view pattern, const RequestMetrics::OfRoute& counted) {
    const Labels route = labels_of(pattern);
    add_durations(durations, route, counted);
    add(bodies, route, counted.request_bodies, RequestMetrics::kBytes, 1);
    add(responses, route, counted.responses, RequestMetrics::kBytes, 1);
  });
  return {std::move(durations), std::move(bodies), std::move(responses)};
}

}  // namespace agent_secrets::control_plane
