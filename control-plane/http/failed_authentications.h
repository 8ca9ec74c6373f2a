#pragma once
// Counts wrong tokens and wrong proofs by the minute, for each address and for each key id of a
// credential, and reports them in the log with a bounded number of lines.
//
// Over limits::kFailuresPerMinute the answer is 429 in place of 401. A token or proof is always
// verified first, and a valid one is always answered: an attacker behind the same NAT or proxy, or
// one who uses another client's key id, cannot lock out that client. Turns bounds the cost of
// verification: one address is one queue.
//
// The first failure of an address in a minute is a log line; the other failures are counted, and
// reported in one line after the minute. At most limits::kFailureEntries addresses and key ids have
// a counter, and at most limits::kFailureLines lines are written a minute; further failures share
// one counter.
//
// Threads: the server's I/O thread only.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "control-plane/http/message.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class FailedAuthentications {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit FailedAuthentications(const Log& log) : log_(log) {}
  FailedAuthentications(const FailedAuthentications&) = delete;
  FailedAuthentications& operator=(const FailedAuthentications&) = delete;
  ~FailedAuthentications() = default;

  // Absent: answer 401. Otherwise answer 429, with this time to wait.
  std::optional<std::chrono::seconds> count(const std::string& address,
                                            const FailedAuthentication& failed, Time now);
  // Logs the sums of completed minutes, and removes them. Call it about once a minute, while
  // is_empty() is false.
  void sweep(Time now);
  [[nodiscard]] bool is_empty() const { return addresses_.empty() && kids_.empty(); }
  [[nodiscard]] std::size_t tracked() const { return addresses_.size(); }

 private:
  struct Minute {
    Time ends;
    std::int64_t failures = 0;
    std::int64_t logged = 0;
    std::string kid = {};  // the last key id that a client named
  };
  using Table = std::map<std::string, Minute>;

  static Minute* find(Table& table, const std::string& name, Time now);
  bool may_log(Time now);

  const Log& log_;
  Table addresses_;
  Table kids_;
  std::int64_t untracked_ = 0;  // failures of addresses without an entry
  Time next_sweep_;
  Time lines_until_;
  int lines_ = 0;
};

}  // namespace agent_secrets::control_plane
