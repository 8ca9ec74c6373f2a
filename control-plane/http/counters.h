#pragma once
// What a server counts since its start, for /metrics: refusals, requests by route
// (request_metrics.h), and how many requests and connections there are now.
//
// Threads: the server's I/O thread changes it, except certificate_not_after, which reload() also
// changes. Any thread may read it.

#include <atomic>
#include <cstdint>

#include "control-plane/http/refused_callers.h"
#include "control-plane/http/request_metrics.h"
#include "control-plane/http/tally.h"

namespace agent_secrets::control_plane {

struct HttpCounters {
  Tally failed_authentications;
  Tally throttled;           // the failed authentications that were answered 429
  Tally refused_bodies;      // no memory for a request's body
  Tally refused_answers;     // no memory for an answer
  Tally refused_watches;     // the account's share is used up
  Tally refused_sizes;       // a header or a body over its limit: 431, 413
  Tally slow_requests;       // not received in time: 408
  Tally closed_connections;  // in favour of a new one

  Tally connections;        // open
  Tally waiting_requests;   // for a turn of a worker (turns.h)
  Tally answered_requests;  // that a worker answers now
  Tally parked_requests;    // long polls that wait for a change

  RequestMetrics requests;
  RefusedCallers refused_callers;  // not for /metrics; safe from several threads
  std::atomic<std::int64_t> certificate_not_after = 0;  // Unix time in seconds; 0: no certificate
};

}  // namespace agent_secrets::control_plane
