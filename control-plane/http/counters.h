#pragma once
// What the server refused since it started, for /metrics.
//
// Threads: any.

#include <atomic>
#include <cstdint>

namespace agent_secrets::control_plane {

struct HttpCounters {
  std::atomic<std::uint64_t> failed_authentications = 0;
  std::atomic<std::uint64_t> throttled = 0;           // of those, the ones answered 429
  std::atomic<std::uint64_t> refused_bodies = 0;      // no room for a request's body
  std::atomic<std::uint64_t> refused_answers = 0;     // no room for an answer
  std::atomic<std::uint64_t> refused_watches = 0;     // an account has its share of connections
  std::atomic<std::uint64_t> closed_connections = 0;  // in favour of a new one
};

}  // namespace agent_secrets::control_plane
