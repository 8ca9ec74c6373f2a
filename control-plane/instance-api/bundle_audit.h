#pragma once
// Records which bundles a region handed out or refused, in the region's audit log.
//
// Strict: the record is committed before the answer is sent, and a bundle whose record cannot be
// written is not sent. Records wait together and share a commit, without a thread that waits for
// each of them (docs/decisions/0051).
// Best effort (serve --audit-bundles=best-effort): the record waits in memory, and is written once
// a second, or sooner when limits::kAuditBatch records wait. After a failed write, the next one is
// a second later. At most limits::kAuditPending records wait; further ones are dropped and counted.
// A crash loses the records of the last second.
//
// Threads: record(), write_waiting() and record_later() from any; run() on a thread of its own, or
// flush() in its place. What the constructor gets must outlive it. The functions that are passed to
// record() may own what owns the BundleAudit: it keeps them until they are called.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "control-plane/audit/record.h"
#include "control-plane/region/region_store.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

enum class BundleAuditMode : std::uint8_t { strict, best_effort };

class BundleAudit {
 public:
  BundleAudit(std::string region, RegionStore& store, BundleAuditMode mode, const Log& log);

  // Whether records are written later: then use record_later() and run(), and else record().
  [[nodiscard]] bool is_deferred() const { return mode_ == BundleAuditMode::best_effort; }
  // Called once, by write_waiting(). An error: the bundle must not be sent. It must not throw.
  using Recorded = std::move_only_function<void(const Result<void>&)>;
  // True: no thread writes. The caller must see to it that write_waiting() is called soon.
  [[nodiscard]] bool record(AuditEntry entry, Recorded recorded);
  // Writes all records that wait, in one transaction. True: others have arrived meanwhile, and it
  // must be called again.
  [[nodiscard]] bool write_waiting();
  void record_later(AuditEntry entry);
  // Flushes when records are due until a stop is requested, and then once more.
  void run(const std::stop_token& stop);
  void flush();
  // Records that were dropped since the start.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct Waiting {
    AuditEntry entry;
    Recorded recorded;
  };
  void write(std::span<Waiting> group);
  // Called under the mutex.
  void keep(AuditEntry entry);

  const std::string region_;
  RegionStore& store_;
  const BundleAuditMode mode_;
  const Log& log_;

  mutable std::mutex mutex_;
  std::vector<Waiting> waiting_;  // strict: for the next commit
  bool is_writing_ = false;       // strict: a thread writes, or has promised to
  std::vector<AuditEntry> pending_;
  std::uint64_t dropped_ = 0;
  std::condition_variable_any many_;  // limits::kAuditBatch records are in pending_
  // Used only by the thread that calls flush(). taken_ and pending_ are swapped, so that the memory
  // of both is used again.
  std::vector<AuditEntry> taken_;
  bool failing_ = false;
};

}  // namespace agent_secrets::control_plane
