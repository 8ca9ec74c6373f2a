#pragma once
// GET /instance/v1/watch: the release that the caller runs, the newest release, and the difference.
// Names and versions only; no code here reads a value (RegionStore::read_set_version is never
// called).
//
//   200 application/json + ETag   at once without If-None-Match, or when the answer differs from it
//   304 + ETag                    the answer still has the ETag of If-None-Match, after the
//                                 wait that `Prefer: wait=N` asks for (RFC 7240), at most
//                                 limits::kWatchWaitMax
//   403 revoked                   in place of this 304, and without a wait
//
//   {"state": "current"|"stale"|"superseded"|"revoked"|"unbound",
//    "organization", "agent", "sequence",
//    "running": {"sequence", "deployment", "sets": [{"name", "version"}]} | null,
//    "latest": {"sequence", "deployment", "sets": [{"name", "version", "changed_keys": [...]}]} |
//    null}
//
// `latest` names the newest deployment, and for each of its sets the newest ready version, with the
// keys whose value differs from the version that the caller runs. A revoked caller gets its state
// and nothing else.
//
// A parked watch keeps the credential that it read at its arrival. When it is woken, and at the end
// of its wait, it checks the expiry by the clock and the revocation by the snapshot. A removed
// credential is refused at the next request.
//
// Threads: safe from several; no state.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control-plane/http/message.h"
#include "control-plane/instance-api/authenticate.h"
#include "core/clock.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// A Wait subscribes to the ChangeHub of the caller's region, and keeps the region alive.
Outcome answer_watch(const Request& request, const Caller& caller, const Clock& clock,
                     const Log& log);

// Makes the body from the data of the store; the ETag is computed from the body. `sequence` is that
// of the instance, and `running` the release of this sequence.
std::string watch_body(bool is_revoked, std::int64_t sequence,
                       const std::optional<AgentSnapshot>& snapshot,
                       const std::optional<Release>& running);
std::string entity_tag(std::string_view body);

// "respond-async, wait=10" → 10 s; capped at limits::kWatchWaitMax; none when absent or not a
// number.
std::optional<std::chrono::seconds> preferred_wait(std::string_view prefer);
// Whether an If-None-Match list names the tag (weak comparison, RFC 9110 section 13.1.2).
bool names_entity_tag(std::string_view if_none_match, std::string_view tag);

}  // namespace agent_secrets::control_plane
