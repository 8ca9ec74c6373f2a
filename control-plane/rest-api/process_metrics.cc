#include "control-plane/rest-api/process_metrics.h"

#include <cstdint>
#include <utility>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "control-plane/rest-api/request_families.h"

namespace agent_secrets::control_plane {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;
using Families = std::vector<MetricFamily>;

MetricFamily family(std::string name, std::string help, MetricType type) {
  return {.name = std::move(name), .help = std::move(help), .type = type, .metric = {}};
}

MetricFamily counter(std::string name, std::string help) {
  return family(std::move(name), std::move(help), MetricType::Counter);
}

MetricFamily gauge(std::string name, std::string help) {
  return family(std::move(name), std::move(help), MetricType::Gauge);
}

void add(MetricFamily& to, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  metric.gauge.value = value;
  to.metric.push_back(std::move(metric));
}

void add(MetricFamily& to, Labels labels, std::uint64_t value) {
  add(to, std::move(labels), static_cast<double>(value));
}

void add_refusals(Families& families, const HttpCounters& counters) {
  MetricFamily failed = counter("agent_secrets_failed_authentications_total",
                                "Requests with a token or proof that did not hold.");
  add(failed, {}, counters.failed_authentications.value());
  MetricFamily refusals = counter("agent_secrets_http_refusals_total",
                                  "Requests and connections refused because of a limit.");
  const std::pair<const char*, const Tally&> reasons[] = {
      {"failed_authentications", counters.throttled},
      {"bodies", counters.refused_bodies},
      {"answers", counters.refused_answers},
      {"watches", counters.refused_watches},
      {"connections", counters.closed_connections},
      {"size", counters.refused_sizes},
      {"time", counters.slow_requests},
  };
  for (const auto& [reason, count] : reasons) add(refusals, {{"reason", reason}}, count.value());
  families.push_back(std::move(failed));
  families.push_back(std::move(refusals));
}

void add_gauges(Families& families, const HttpCounters& counters) {
  MetricFamily connections = gauge("agent_secrets_http_connections", "Open connections.");
  add(connections, {}, counters.connections.value());
  MetricFamily requests = gauge("agent_secrets_http_requests",
                                "Requests by what they do now: wait for a worker, are answered "
                                "by one, or are parked (long polls).");
  add(requests, {{"state", "waiting"}}, counters.waiting_requests.value());
  add(requests, {{"state", "answered"}}, counters.answered_requests.value());
  add(requests, {{"state", "parked"}}, counters.parked_requests.value());
  families.push_back(std::move(connections));
  families.push_back(std::move(requests));
  const std::int64_t not_after = counters.certificate_not_after;
  if (not_after == 0) return;
  MetricFamily certificate = gauge("agent_secrets_tls_certificate_not_after_timestamp_seconds",
                                   "The end of the server's certificate, in Unix time.");
  add(certificate, {}, static_cast<double>(not_after));
  families.push_back(std::move(certificate));
}

void add_process(Families& families, const Log& log) {
  MetricFamily dropped = counter("agent_secrets_log_lines_dropped_total",
                                 "Lines of this server's log that could not be written.");
  add(dropped, {}, log.dropped_lines());
  MetricFamily build = gauge("agent_secrets_build_info", "1, with the version of this server.");
  add(build, {{"version", AGENT_SECRETS_VERSION}}, 1.0);
  families.push_back(std::move(dropped));
  families.push_back(std::move(build));
}

void add_listeners(Families& families, const std::vector<ListenerState>& listeners) {
  if (listeners.empty()) return;
  MetricFamily connected =
      gauge("agent_secrets_listener_connected",
            "1 while the database sends this server the notices of other servers; at 0 it looks "
            "for changes once a second.");
  for (const ListenerState& listener : listeners) {
    add(connected, {{"database", listener.database}}, listener.is_connected ? 1.0 : 0.0);
  }
  families.push_back(std::move(connected));
}

void add_databases(Families& families, const std::vector<DatabaseState>& databases) {
  MetricFamily waiting = gauge("agent_secrets_database_waiting_writes",
                               "Writes that wait for the commit before theirs.");
  MetricFamily sizes = family("agent_secrets_database_commit_writes",
                              "Writes that were committed together.", MetricType::Histogram);
  for (const DatabaseState& state : databases) {
    const Labels labels = {{"database", state.database}};
    add(waiting, labels, static_cast<std::uint64_t>(state.writes.waiting));
    sizes.metric.push_back(histogram_metric(labels, WriteCounts::kSizes, state.writes.groups,
                                            static_cast<double>(state.writes.writes), 1));
  }
  families.push_back(std::move(waiting));
  families.push_back(std::move(sizes));
}

void add_refused_rows(Families& families, const std::vector<RefusedRowsState>& databases) {
  MetricFamily refused = counter("agent_secrets_refused_rows_total",
                                 "How often a row was refused because its authority code did not "
                                 "hold.");
  for (const RefusedRowsState& state : databases) {
    add(refused, {{"database", state.database}}, state.count);
  }
  families.push_back(std::move(refused));
}

void add_provisioning(Families& families, const std::vector<ProvisioningState>& provisioning) {
  if (provisioning.empty()) return;
  MetricFamily active = gauge("agent_secrets_provisioner_active",
                              "1 in the server that copies changes into the region.");
  MetricFamily lag = gauge("agent_secrets_provisioning_lag_seconds",
                           "For how long the oldest change has waited for the region.");
  for (const ProvisioningState& state : provisioning) {
    const Labels labels = {{"region", state.region}};
    add(active, labels, state.lag ? 1.0 : 0.0);
    if (state.lag) add(lag, labels, std::chrono::duration<double>(*state.lag).count());
  }
  families.push_back(std::move(active));
  families.push_back(std::move(lag));
}

void add_audit(Families& families, const std::vector<AuditState>& audit) {
  if (audit.empty()) return;
  MetricFamily dropped = counter("agent_secrets_audit_records_dropped_total",
                                 "Audit records of bundles that were not written (serve "
                                 "--audit-bundles=best-effort).");
  for (const AuditState& state : audit) add(dropped, {{"region", state.region}}, state.dropped);
  families.push_back(std::move(dropped));
}

}  // namespace

std::string process_metrics(const Log& log, const HttpCounters& counters,
                            const ProcessState& process) {
  Families families = request_families(counters.requests);
  add_refusals(families, counters);
  add_gauges(families, counters);
  add_process(families, log);
  add_listeners(families, process.listeners);
  add_databases(families, process.databases);
  add_provisioning(families, process.provisioning);
  add_audit(families, process.audit);
  add_refused_rows(families, process.refused_rows);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace agent_secrets::control_plane
