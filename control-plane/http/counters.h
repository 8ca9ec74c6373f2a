#pragma once
// Counts refusals since the server's start, for /metrics.
//
// Threads: any.

#include <atomic>
#include <cstdint>

namespace agent_secrets::control_plane {

struct HttpCounters {
  std::atomic<std::uint64_t> failed_authentications = 0;
  std::atomic<std::uint64_t> throttled = 0;  // the failed authentications that were answered 429
  std::atomic<std::uint64_t> refused_bodies = 0;      // no memory for a request's body
  std::atomic<std::uint64_t> refused_answers = 0;     // no memory for an answer
  std::atomic<std::uint64_t> refused_watches = 0;     // the account's share is used up
  std::atomic<std::uint64_t> closed_connections = 0;  // in favour of a new one
};

}  // namespace agent_secrets::control_plane
