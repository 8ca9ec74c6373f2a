#pragma once
// Writes the uses of a region's credentials to its store (region/credential_uses.h), outside of
// their requests: at most one write an hour for each credential. The other requests of that hour
// only look into a set in memory. A crash loses the uses of the last second, and a restart writes
// the hour again. If the store fails, the uses are kept and written again after kRetryAfter. At
// most kPendingMax uses wait for the store; the uses of further credentials are not recorded.
//
// Threads: used() from any thread, and never blocks on the store; flush() from one thread. The
// store, the clock and the log must outlive the recorder.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "control-plane/region/region_store.h"
#include "core/clock.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class UseRecorder {
 public:
  static constexpr std::chrono::minutes kRetryAfter{1};
  static constexpr std::size_t kPendingMax = 10'000;

  UseRecorder(std::string region, RegionStore& store, const Clock& clock, const Log& log)
      : region_(std::move(region)), store_(store), clock_(clock), log_(log) {}

  // A request with a valid proof of this credential was accepted.
  void used(std::int64_t agent_id, std::string_view kid);
  // Writes the uses that were recorded since the last flush.
  void flush();

 private:
  using Uses = std::map<std::string, CredentialUse, std::less<>>;  // by key id
  [[nodiscard]] Uses take_pending();
  void keep(Uses failed);

  std::string region_;
  RegionStore& store_;
  const Clock& clock_;
  const Log& log_;

  std::mutex mutex_;
  UnixMs hour_{};
  std::set<std::string, std::less<>> seen_;  // in this hour
  Uses pending_;

  // Used only by the thread that calls flush().
  bool failing_ = false;
  std::chrono::milliseconds retry_at_{0};  // of the monotonic clock
};

}  // namespace agent_secrets::control_plane
