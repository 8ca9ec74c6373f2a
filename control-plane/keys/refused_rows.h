#pragma once
// Counts and logs the rows that an Authority refuses (keys/authority.h). A row is logged the first
// time that this process refuses it; a row that is read every second does not fill the log. At most
// kLogged rows are remembered; further rows are only counted.
//
// Threads: safe from several.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/log.h"

namespace agent_secrets::control_plane {

struct RefusedRow {
  std::string table;
  std::string key;  // as the log shows it
};

class RefusedRows {
 public:
  static constexpr std::size_t kLogged = 1000;

  // `database` for the log: the purpose of the key, "authority" or "authority:CODE".
  explicit RefusedRows(std::string purpose) : purpose_(std::move(purpose)) {}

  // From now on rows are logged. Without a log, as in a command, they are only counted. `log` must
  // outlive this object.
  void log_to(const Log& log);
  void note(const std::string& table, const std::string& key);
  // How often a row was refused since the start.
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  const std::string purpose_;
  std::atomic<std::uint64_t> count_ = 0;
  std::mutex mutex_;
  const Log* log_ = nullptr;
  std::set<std::pair<std::string, std::string>> logged_;  // table and key
};

}  // namespace agent_secrets::control_plane
