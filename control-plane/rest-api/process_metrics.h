#pragma once
// Metrics of this server process, in the Prometheus text format. GET /metrics adds them to the
// metrics of the fleet; a region node serves only these. They are the same for every organization,
// and contain no name of an organization. docs/metrics.md lists them.
//
// Labels are bounded: a route is a pattern of the router, and regions are added by the operator.
// Histograms without a request are left out.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control-plane/http/counters.h"
#include "control-plane/region/region_store.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct ListenerState {
  std::string database;  // "catalog", or "region CODE"
  bool is_connected = false;
};

struct DatabaseState {
  std::string database;  // as above
  WriteCounts writes;
};

struct RefusedRowsState {
  std::string database;     // as above
  std::uint64_t count = 0;  // keys/refused_rows.h
};

struct ProvisioningState {
  std::string region;
  std::optional<std::chrono::milliseconds> lag;  // absent: another process provisions the region
};

struct AuditState {
  std::string region;
  std::uint64_t dropped = 0;  // records of bundles (serve --audit-bundles=best-effort)
};

// What a process has besides its HTTP server.
struct ProcessState {
  std::vector<ListenerState> listeners = {};  // none on SQLite
  std::vector<DatabaseState> databases = {};
  std::vector<ProvisioningState> provisioning = {};  // none in a region node
  std::vector<AuditState> audit = {};
  std::vector<RefusedRowsState> refused_rows = {};
};

std::string process_metrics(const Log& log, const HttpCounters& counters,
                            const ProcessState& process);

}  // namespace agent_secrets::control_plane
