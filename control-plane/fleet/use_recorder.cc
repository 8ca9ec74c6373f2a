#include "control-plane/fleet/use_recorder.h"

#include <chrono>
#include <utility>
#include <vector>

namespace agent_secrets::control_plane {

void UseRecorder::used(std::int64_t agent_id, std::string_view kid) {
  const std::scoped_lock lock(mutex_);
  const UnixMs hour = std::chrono::floor<std::chrono::hours>(clock_.unix_time());
  if (hour != hour_) seen_.clear();
  hour_ = hour;
  if (seen_.contains(kid) || pending_.size() >= kPendingMax) return;
  seen_.emplace(kid);
  pending_.insert_or_assign(
      std::string(kid), CredentialUse{.kid = std::string(kid), .agent_id = agent_id, .hour = hour});
}

UseRecorder::Uses UseRecorder::take_pending() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(pending_, {});
}

// Keeps a use that arrived during the failed write: it is later than the use in `failed`.
void UseRecorder::keep(Uses failed) {
  const std::scoped_lock lock(mutex_);
  pending_.merge(failed);
}

void UseRecorder::flush() {
  if (failing_ && clock_.monotonic() < retry_at_) return;
  Uses taken = take_pending();
  if (taken.empty()) return;
  std::vector<CredentialUse> uses;
  uses.reserve(taken.size());
  for (const auto& [kid, use] : taken) uses.push_back(use);
  auto written = store_.record_uses(uses);
  if (!written) {
    if (!failing_) {
      log_.warning("recording the last use of credentials failed; it will be retried",
                   {{"region", region_}, {"cause", written.error().message}});
    }
    keep(std::move(taken));
    retry_at_ = clock_.monotonic() + kRetryAfter;
  }
  failing_ = !written;
}

}  // namespace agent_secrets::control_plane
