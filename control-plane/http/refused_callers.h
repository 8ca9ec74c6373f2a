#pragma once
// Counts answers that refuse the caller, by the client's address: 401 (no valid token, key or
// proof; also where 429 is answered in its place), and 403 (the caller may not do this). Whoever
// writes the audit log takes the counts once a minute.
//
// Memory: at most limits::kAuditRefusals addresses between two calls of take(); further addresses
// share the count of kOtherAddresses.
//
// Threads: safe from several.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "core/limits.h"

namespace agent_secrets::control_plane {

class RefusedCallers {
 public:
  static constexpr const char* kOtherAddresses = "others";

  struct Counts {
    std::int64_t unauthorized = 0;  // 401
    std::int64_t forbidden = 0;     // 403
  };
  using ByAddress = std::map<std::string, Counts>;

  // Any other status is not counted.
  void count(const std::string& address, int status) {
    if (status == 401) add(address, {.unauthorized = 1});
    if (status == 403) add(address, {.forbidden = 1});
  }
  void add(const std::string& address, const Counts& counts) {
    const std::scoped_lock lock(mutex_);
    const bool is_full = counts_.size() >= limits::kAuditRefusals && !counts_.contains(address);
    Counts& sum = counts_[is_full ? kOtherAddresses : address];
    sum.unauthorized += counts.unauthorized;
    sum.forbidden += counts.forbidden;
  }
  // The counts since the last call.
  ByAddress take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(counts_, {});
  }

 private:
  std::mutex mutex_;
  ByAddress counts_;
};

}  // namespace agent_secrets::control_plane
