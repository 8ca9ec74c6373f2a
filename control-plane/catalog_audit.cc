#include "control-plane/catalog_audit.h"

#include <span>
#include <stop_token>
#include <string>
#include <utility>

#include "core/threads.h"

namespace agent_secrets::control_plane {

CatalogAudit::CatalogAudit(Catalog& catalog, RefusedCallers& refused, const LeaseOptions& lease,
                           const Clock& clock, const Log& log)
    : audit_log_(catalog.audit.log()),
      lease_(std::string(kAuditWork), catalog.leases, clock, log, lease),
      keeper_(
          std::string(kCatalogLog), audit_log_, catalog.context.audit_keys,
          [this] { return lease_.term().has_value(); }, clock, log),
      refusals_(
          refused,
          [this](std::span<const AuditEntry> entries) { return audit_log_.append_all(entries); },
          clock, log) {}

Result<void> CatalogAudit::start() {
  if (auto started = lease_.start(); !started) return started;
  auto keeping = start_thread<std::jthread>(
      "the audit log", [this](const std::stop_token& stop) { keeper_.run(stop); });
  if (!keeping) return propagate(keeping);
  keeping_ = std::move(*keeping);
  auto writing = start_thread<std::jthread>(
      "the audit log", [this](const std::stop_token& stop) { refusals_.run(stop); });
  if (!writing) return propagate(writing);
  writing_ = std::move(*writing);
  return {};
}

}  // namespace agent_secrets::control_plane
