#include "control-plane/http/request_metrics.h"

#include <algorithm>
#include <utility>

namespace agent_secrets::control_plane {

void RequestMetrics::begin(std::vector<std::string> routes) {
  counted_ = std::make_unique<OfRoute[]>(routes.size() + 1);
  routes_ = std::move(routes);
}

void RequestMetrics::count(std::optional<std::size_t> route, const Finished& request) {
  OfRoute& counted = counted_[route.value_or(routes_.size())];
  const int status_class = std::clamp(request.status / 100, 1, 5);
  counted.durations[static_cast<std::size_t>(status_class - 1)].add(
      static_cast<std::uint64_t>(request.duration.count()), kMicroseconds);
  counted.request_bodies.add(request.request_body, kBytes);
  counted.responses.add(request.response, kBytes);
}

void RequestMetrics::each(
    const std::function<void(std::string_view pattern, const OfRoute&)>& see) const {
  for (std::size_t i = 0; i < routes_.size(); ++i) see(routes_[i], counted_[i]);
  see("", counted_[routes_.size()]);
}

}  // namespace agent_secrets::control_plane
