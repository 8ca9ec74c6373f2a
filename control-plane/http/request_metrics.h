#pragma once
// Durations and sizes of the requests of a server, by route and class of status, for /metrics.
//
// A request belongs to the pattern of its route ("GET /v1/secrets/{set}"), never to its path, so
// clients cannot add series: there are as many as routes. Counting a request changes a few numbers
// that were allocated before the first request.
//
// Threads: begin() before the server runs; count() on the server's I/O thread; the rest from any.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/http/tally.h"

namespace agent_secrets::control_plane {

// Values in ranges: each up to a bound that it includes, and one above the last bound.
template <std::size_t Bounds>
struct Histogram {
  std::array<Tally, Bounds + 1> ranges;
  Tally sum;

  void add(std::uint64_t value, const std::array<std::uint64_t, Bounds>& bounds) {
    std::size_t range = 0;
    while (range < Bounds && value > bounds[range]) ++range;
    ++ranges[range];
    sum.add(value);
  }
};

class RequestMetrics {
 public:
  static constexpr std::array<std::uint64_t, 12> kMicroseconds = {
      1'000,   2'500,   5'000,     10'000,    25'000,    50'000,
      100'000, 250'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};
  static constexpr std::array<std::uint64_t, 6> kBytes = {256,    1'024,   4'096,
                                                          16'384, 131'072, 1'048'576};
  using Durations = Histogram<kMicroseconds.size()>;
  using Sizes = Histogram<kBytes.size()>;

  struct OfRoute {
    std::array<Durations, 5> durations;  // of answers with status 1xx to 5xx
    Sizes request_bodies;
    Sizes responses;  // with their headers
  };

  // From the first byte of the request until the kernel has the last byte of the answer, without
  // the time for which a long poll was parked.
  struct Finished {
    int status = 0;
    std::chrono::microseconds duration{};
    std::uint64_t request_body = 0;
    std::uint64_t response = 0;
  };

  // `routes` is Router::routes().
  void begin(std::vector<std::string> routes);
  // `route` is the route's place in the list of begin(). Absent: no route.
  void count(std::optional<std::size_t> route, const Finished& request);

  // Calls `see` with the pattern of each route ("" for requests without a route).
  void each(const std::function<void(std::string_view pattern, const OfRoute&)>& see) const;

 private:
  std::vector<std::string> routes_;
  // One for each route; the last: requests without a route.
  std::unique_ptr<OfRoute[]> counted_ = std::make_unique<OfRoute[]>(1);
};

}  // namespace agent_secrets::control_plane
