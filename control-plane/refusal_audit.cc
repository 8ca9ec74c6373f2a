#include "control-plane/refusal_audit.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace agent_secrets::control_plane {
namespace {

constexpr std::chrono::minutes kEvery{1};

AuditEntry entry_of_refusals(const std::string& address, const RefusedCallers::Counts& counts,
                             UnixMs now) {
  AuditEntry entry =
      entry_of({.kind = ActorKind::unknown, .id = "", .name = "", .address = address}, now);
  entry.action = "request.refuse";
  entry.object = "requests";
  entry.detail =
      fmt::format("unauthorized {}, forbidden {}", counts.unauthorized, counts.forbidden);
  entry.outcome = kAuditRefused;
  return entry;
}

}  // namespace

RefusalAudit::RefusalAudit(RefusedCallers& refused, Append append, const Clock& clock,
                           const Log& log)
    : refused_(refused), append_(std::move(append)), clock_(clock), log_(log) {}

void RefusalAudit::run(const std::stop_token& stop) {
  std::mutex sleeping;
  std::condition_variable_any woken;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(sleeping);
      woken.wait_for(lock, stop, kEvery, [] { return false; });
    }
    write();
  }
}

void RefusalAudit::write() {
  const RefusedCallers::ByAddress taken = refused_.take();
  if (taken.empty()) return;
  std::vector<AuditEntry> entries;
  entries.reserve(taken.size());
  for (const auto& [address, counts] : taken) {
    entries.push_back(entry_of_refusals(address, counts, clock_.unix_time()));
  }
  const auto written = append_(entries);
  if (written) return;
  log_.warning("writing audit records of refused requests failed; it will be retried",
               {{"cause", written.error().message}});
  for (const auto& [address, counts] : taken) refused_.add(address, counts);
}

}  // namespace agent_secrets::control_plane
