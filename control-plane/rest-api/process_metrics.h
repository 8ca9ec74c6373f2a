#pragma once
// Metrics of this server process, in the Prometheus text format. GET /metrics adds them to the
// metrics of the fleet; a region node serves only these. They are the same for every organization,
// and contain no name of an organization.
//
//   agent_secrets_failed_authentications_total
//   agent_secrets_http_refusals_total{reason}: both count since the server's start, so that every
//       organization can see why it was refused
//   agent_secrets_log_lines_dropped_total
//   agent_secrets_listener_connected{database}: 1 while the database sends this server the notices
//       of other servers, else 0; no series on SQLite

#include <string>
#include <vector>

#include "control-plane/http/counters.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct ListenerState {
  std::string database;  // "catalog", or "region CODE"
  bool is_connected = false;
};

std::string process_metrics(const Log& log, const HttpCounters& counters,
                            const std::vector<ListenerState>& listeners);

}  // namespace agent_secrets::control_plane
