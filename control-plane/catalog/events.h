#pragma once
// What happened to an agent: a short log for people. The catalog keeps the newest
// limits::kEventsPerAgent events of an agent.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/model/lease_term.h"
#include "control-plane/model/time.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct CatalogContext;
class Transaction;

struct AgentEvent {
  UnixMs at{};
  std::string kind;  // "deployment", "on-deploy", "output", …
  std::string text;  // printable
};

class Events {
 public:
  explicit Events(CatalogContext& context) : context_(context) {}

  // Of a deploy command. ErrorCode::conflict when another process has taken the lease.
  Result<void> add(std::int64_t agent_id, std::string_view kind, std::string_view text,
                   const LeaseTerm& term);
  // Oldest first.
  Result<std::vector<AgentEvent>> list(std::int64_t agent_id);

 private:
  CatalogContext& context_;
};

// For the other subjects.
void insert_event(Transaction& tx, std::int64_t agent_id, const AgentEvent& event);

}  // namespace agent_secrets::control_plane
