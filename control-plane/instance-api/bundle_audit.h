#pragma once
// Records which bundles a region handed out or refused, in the region's audit log.
//
// Strict: the record is committed before the answer is sent, and a bundle whose record cannot be
// written is not sent. Records of requests that are answered at the same time share one commit.
// Best effort (serve --audit-bundles=best-effort): the record waits in memory, and is written about
// once a second. At most limits::kAuditPending records wait; further ones are dropped and counted.
// A crash loses the records of the last second.
//
// Threads: record() from any; run() on a thread of its own, or flush() in its place. What the
// constructor gets must outlive it.

#include <cstdint>
#include <mutex>
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

  // An error: the bundle must not be sent.
  Result<void> record(AuditEntry entry);
  // Whether records wait in memory, so that run() is needed.
  [[nodiscard]] bool is_deferred() const { return mode_ == BundleAuditMode::best_effort; }
  // Flushes about once a second until a stop is requested, and then once more.
  void run(const std::stop_token& stop);
  void flush();
  // Records that were dropped since the start.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  void keep_for_later(std::vector<AuditEntry> entries);

  const std::string region_;
  RegionStore& store_;
  const BundleAuditMode mode_;
  const Log& log_;

  mutable std::mutex mutex_;
  std::vector<AuditEntry> pending_;
  std::uint64_t dropped_ = 0;
  bool failing_ = false;  // used only by the thread that calls flush()
};

}  // namespace agent_secrets::control_plane
