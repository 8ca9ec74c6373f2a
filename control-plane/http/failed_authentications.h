#pragma once
// Counts wrong tokens and wrong proofs by the minute, for each address and for each key id of a
// credential, and tells the log about them without being flooded itself.
//
// Past limits::kFailuresPerMinute the answer is 429 in place of 401. A token or proof is verified
// first in any case, and one that holds is always answered: neither an attacker behind the same NAT
// or proxy nor one who names somebody's key id can lock anybody out. What verification costs is
// bounded by Turns, in which one address is one queue.
//
// The first failure of an address in its minute is a log line; the others are counted, and are one
// line when the minute is over. At most limits::kFailureEntries addresses and key ids are
// remembered, and limits::kFailureLines lines written a minute; further ones are counted together.
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

  // Absent: the 401 may go out. Else how long to wait: the answer is 429.
  std::optional<std::chrono::seconds> count(const std::string& address,
                                            const FailedAuthentication& failed, Time now);
  // Logs the sums of the minutes that are over, and forgets them. Call it once a minute or so,
  // while this is not empty.
  void sweep(Time now);
  [[nodiscard]] bool is_empty() const { return addresses_.empty() && kids_.empty(); }
  [[nodiscard]] std::size_t tracked() const { return addresses_.size(); }

 private:
  struct Minute {
    Time ends;
    std::int64_t failures = 0;
    std::int64_t logged = 0;
    std::string kid = {};  // the last that was named
  };
  using Table = std::map<std::string, Minute>;

  static Minute* find(Table& table, const std::string& name, Time now);
  bool may_log(Time now);

  const Log& log_;
  Table addresses_;
  Table kids_;
  std::int64_t untracked_ = 0;  // failures of addresses for which there was no entry left
  Time next_sweep_;
  Time lines_until_;
  int lines_ = 0;
};

}  // namespace agent_secrets::control_plane
