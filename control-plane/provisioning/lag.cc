#include "control-plane/provisioning/lag.h"

#include <algorithm>

namespace agent_secrets::control_plane {

void ProvisioningLag::begin() {
  round_ended();
  due(std::nullopt);
  succeeded(Work::versions);
  succeeded(Work::agents);
}

void ProvisioningLag::due(std::optional<UnixMs> since) {
  if (!since) {
    due_since_ = kNever;
    return;
  }
  const auto waited = std::max(clock_.unix_time() - *since, std::chrono::milliseconds(0));
  due_since_ = (clock_.monotonic() - waited).count();
}

void ProvisioningLag::failed(Work work) {
  std::int64_t never = kNever;
  failing_since_.at(static_cast<std::size_t>(work))
      .compare_exchange_strong(never, clock_.monotonic().count());
}

std::chrono::milliseconds ProvisioningLag::now() const {
  std::int64_t since = round_ended_;
  for (const Time* time : {&due_since_, &failing_since_[0], &failing_since_[1]}) {
    if (const std::int64_t at = *time; at != kNever) since = std::min(since, at);
  }
  return std::max(clock_.monotonic() - std::chrono::milliseconds(since),
                  std::chrono::milliseconds(0));
}

}  // namespace agent_secrets::control_plane
