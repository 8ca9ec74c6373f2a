#pragma once
// For how long the oldest change of the catalog has waited for its region, as the provisioner has
// seen it:
//  - the time since a version became due;
//  - the time since the region, or the catalog, began to refuse versions or agents;
//  - the time since the last round ended, so that a round that hangs is a lag too. Between two
//    rounds this is a quarter of a second.
//
// A version that is refused because of its content (a value does not decrypt) is no lag: it is
// `failed`, and waits for a person.
//
// Threads: changes from the provisioner's thread; now() from any.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "control-plane/model/time.h"
#include "core/clock.h"

namespace agent_secrets::control_plane {

class ProvisioningLag {
 public:
  enum class Work : std::uint8_t { versions, agents };

  explicit ProvisioningLag(const Clock& clock) : clock_(clock) { begin(); }

  // Another process did the work until now.
  void begin();
  void round_ended() { round_ended_ = clock_.monotonic().count(); }
  // When the oldest due version became due. Absent: none is due.
  void due(std::optional<UnixMs> since);
  void failed(Work work);
  void succeeded(Work work) { failing_since_.at(static_cast<std::size_t>(work)) = kNever; }

  [[nodiscard]] std::chrono::milliseconds now() const;

 private:
  // Monotonic times, in milliseconds.
  using Time = std::atomic<std::int64_t>;
  static constexpr std::int64_t kNever = -1;

  const Clock& clock_;
  Time round_ended_ = 0;
  Time due_since_ = kNever;
  std::array<Time, 2> failing_since_ = {kNever, kNever};
};

}  // namespace agent_secrets::control_plane
