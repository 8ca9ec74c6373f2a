#pragma once
// Room on the disk for revocations and deletions. On a full disk SQLite can commit nothing, also
// not that a stolen token is revoked. So a file, `reserve`, beside the databases takes
// limits::kDiskReserve bytes (an eighth of the file system where that is less) and is emptied when
// a revocation or a deletion finds no room.
//
// While the file is empty no other write is tried, so that what was freed is left to revocations
// and deletions. The next ordinary write fills the file again, once the disk has that room.
//
// The state is the size of the file, so it holds for all processes that open the data directory. A
// shared flock(2) lock on it says that somebody writes into the freed room right now; filling takes
// an exclusive lock and does not wait for it. Both end with their process.
//
// What it cannot do: keep other programs from the freed room, or reserve anything on a file system
// that compresses zeros away (ZFS).
//
// Threads: one at a time; each SqliteWriter has its own.

#include <cstdint>
#include <memory>
#include <string>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {

inline constexpr const char* kReserveFile = "reserve";

class DiskReserve {
 public:
  // Held during the writes that may use the freed room.
  class Spending {
   public:
    explicit Spending(int fd);
    Spending(const Spending&) = delete;
    Spending& operator=(const Spending&) = delete;
    ~Spending();

   private:
    int fd_;
  };

  // Makes the file, 0600, where there is none, and fills it when the disk has the room.
  static Result<std::unique_ptr<DiskReserve>> open(const std::string& directory);

  [[nodiscard]] bool is_whole() const;
  // False: the disk has not that much room, or somebody writes into it right now.
  [[nodiscard]] bool refill();
  [[nodiscard]] Spending release();

 private:
  DiskReserve(UniqueFd file, std::int64_t size);
  [[nodiscard]] std::int64_t size_now() const;  // bytes
  UniqueFd file_;
  std::int64_t size_;
  bool usable_ = true;  // false: this file system cannot reserve room, so nothing is refused for it
};

}  // namespace agent_secrets::control_plane
