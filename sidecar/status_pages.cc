#include "sidecar/status_pages.h"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

namespace agent_secrets::sidecar {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric gauge(double value) {
  ClientMetric metric;
  metric.gauge.value = value;
  return metric;
}

MetricFamily family(std::string name, std::string help, MetricType type,
                    std::vector<ClientMetric> metrics) {
  return {.name = "agent_secrets_sidecar_" + std::move(name),
          .help = std::move(help),
          .type = type,
          .metric = std::move(metrics)};
}

MetricFamily counter(std::string name, std::string help, std::int64_t value) {
  ClientMetric metric;
  metric.counter.value = static_cast<double>(value);
  return family(std::move(name), std::move(help), MetricType::Counter, {metric});
}

MetricFamily state_family(WatchState current) {
  std::vector<ClientMetric> metrics;
  for (const WatchState state : kWatchStates) {
    metrics.push_back(gauge(state == current ? 1 : 0));
    metrics.back().label.push_back({"state", std::string(to_string(state))});
  }
  return family("state", "1 for the state of this instance, 0 for the others", MetricType::Gauge,
                std::move(metrics));
}

std::string metrics_text(const Knowledge& knowledge, std::chrono::milliseconds unix_now) {
  const auto number = [](std::int64_t value) { return gauge(static_cast<double>(value)); };
  const auto& latest = knowledge.answer.latest;
  std::vector<MetricFamily> families;
  families.push_back(state_family(knowledge.answer.state));
  if (knowledge.last_heard) {
    const std::chrono::duration<double> age = unix_now - *knowledge.last_heard;
    families.push_back(family("last_heard_seconds",
                              "seconds since the last good answer of the control plane",
                              MetricType::Gauge, {gauge(age.count())}));
  }
  families.push_back(
      counter("reconnects_total", "good answers after an error", knowledge.reconnects));
  families.push_back(counter("errors_total", "failed or refused requests", knowledge.errors));
  families.push_back(family("running_sequence", "sequence of the bundle that the instance runs",
                            MetricType::Gauge, {number(knowledge.running_sequence)}));
  families.push_back(family("latest_sequence", "newest sequence of the agent; 0 when not known",
                            MetricType::Gauge, {number(latest ? latest->sequence : 0)}));
  families.push_back(family("active_sessions", "live sessions that the bot reports",
                            MetricType::Gauge, {number(knowledge.active_sessions)}));
  families.push_back(counter("hook_runs_total", "runs of --on-change", knowledge.hook_runs));
  families.push_back(
      counter("hook_failures_total", "runs of --on-change that failed", knowledge.hook_failures));
  families.push_back(counter("log_lines_dropped_total", "log lines that could not be written",
                             knowledge.dropped_log_lines));
  return prometheus::TextSerializer().Serialize(families);
}

bool is_ready(WatchState state, UnreadyWhen unready_when) {
  switch (unready_when) {
    case UnreadyWhen::never:
      return true;
    case UnreadyWhen::superseded:
      return state != WatchState::superseded;
    case UnreadyWhen::stale:
      return state != WatchState::superseded && state != WatchState::stale;
  }
  return true;
}

}  // namespace

Page status_page(std::string_view path, const Knowledge& knowledge, UnreadyWhen unready_when,
                 std::chrono::milliseconds unix_now) {
  const WatchState state = knowledge.answer.state;
  if (path == "/livez") return {.body = "ok\n"};
  if (path == "/readyz") {
    const bool ready = is_ready(state, unready_when);
    return {.status = ready ? 200 : 503, .body = fmt::format("{}\n", to_string(state))};
  }
  if (path == "/status") {
    return {.content_type = "application/json", .body = to_json(knowledge, ::getpid()) + "\n"};
  }
  if (path == "/metrics") {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = metrics_text(knowledge, unix_now)};
  }
  return {.status = 404, .body = "not found\n"};
}

}  // namespace agent_secrets::sidecar
