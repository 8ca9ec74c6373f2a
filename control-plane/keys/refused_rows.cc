#include "control-plane/keys/refused_rows.h"

namespace agent_secrets::control_plane {

void RefusedRows::log_to(const Log& log) {
  const std::scoped_lock lock(mutex_);
  log_ = &log;
}

void RefusedRows::note(const std::string& table, const std::string& key) {
  ++count_;
  const std::scoped_lock lock(mutex_);
  if (log_ == nullptr || logged_.size() >= kLogged) return;
  if (!logged_.emplace(table, key).second) return;
  log_->error("a row was changed outside the control plane, and is refused",
              {{"database", purpose_}, {"table", table}, {"key", key}});
}

}  // namespace agent_secrets::control_plane
