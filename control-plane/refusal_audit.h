#pragma once
// Writes refused callers (http/refused_callers.h) to an audit log: once a minute and at the end,
// one record for each address with the number of refusals. So an attacker cannot fill the log. If
// the log cannot be written, the counts are kept for the next minute.
//
// Threads: run() on a thread of its own, or write() in its place. What the constructor gets must
// outlive it.

#include <functional>
#include <span>
#include <stop_token>

#include "control-plane/audit/record.h"
#include "control-plane/http/refused_callers.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class RefusalAudit {
 public:
  using Append = std::function<Result<void>(std::span<const AuditEntry>)>;
  RefusalAudit(RefusedCallers& refused, Append append, const Clock& clock, const Log& log);

  void run(const std::stop_token& stop);
  void write();

 private:
  RefusedCallers& refused_;
  const Append append_;
  const Clock& clock_;
  const Log& log_;
};

}  // namespace agent_secrets::control_plane
