#pragma once
// Keeps the audit log of one database, while a server runs: chains new records once a second, and
// signs a checkpoint of the log once a minute and at the end, if there are new records. A
// checkpoint is written to the process log and to the database.
//
// One process does this at a time: the one that holds the lease which `may_work` asks for. Two that
// work at once do no harm (AuditLog::chain).
//
// Records that could not be chained are chained later. The record of a change does not depend on
// the keeper.
//
// Threads: run() on a thread of its own, or work_once() in its place. What the constructor gets
// must outlive the keeper.

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "control-plane/audit/audit_log.h"
#include "control-plane/audit/checkpoint.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class AuditKeeper {
 public:
  // `name`: of the log, as statements have it.
  AuditKeeper(std::string name, AuditLog& audit, const AuditKeys& keys,
              std::function<bool()> may_work, const Clock& clock, const Log& log);

  // Until a stop is requested; then it chains once more and signs a last checkpoint.
  void run(const std::stop_token& stop);
  // Chains what is there, and signs a checkpoint if one is due.
  void work_once();
  // Chains what is there, and signs a checkpoint if there are new records.
  void finish();

 private:
  Result<void> chain();
  Result<void> sign();
  Result<void> sign_head(const AuditHead& head);
  void note(const Result<void>& outcome);

  const std::string name_;
  AuditLog& audit_;
  const AuditKeys& keys_;
  const std::function<bool()> may_work_;
  const Clock& clock_;
  const Log& log_;

  std::chrono::milliseconds next_checkpoint_{0};  // monotonic
  std::int64_t signed_size_ = -1;                 // of the last checkpoint of this process
  bool failing_ = false;
};

}  // namespace agent_secrets::control_plane
