#pragma once
// The control plane's answer about this instance (GET /instance/v1/watch): names and versions. The
// type has no member for a value, and the sidecar has no key that opens a bundle.
//
// sidecar.json and redeploy.json have the same members (docs/sidecar.md), so one reader and one
// writer are used for all three.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "core/bundle.h"
#include "core/error.h"

namespace agent_secrets::sidecar {

enum class WatchState {
  unknown,     // no answer yet
  current,     // the instance runs what is deployed
  stale,       // a set has a newer ready version than the deployment pins: redeploy the agent
  superseded,  // a newer deployment exists: finish the live sessions and stop
  revoked,     // this credential is revoked: the next start will be refused
  unbound      // the agent is deleted or has no deployment
};
inline constexpr WatchState kWatchStates[] = {WatchState::unknown, WatchState::current,
                                              WatchState::stale,   WatchState::superseded,
                                              WatchState::revoked, WatchState::unbound};
std::string_view to_string(WatchState state);

struct RunningVersions {
  std::int64_t sequence = 0;
  std::string deployment;
  std::vector<SetVersion> sets;
  bool operator==(const RunningVersions&) const = default;
};

struct LatestSet {
  std::string name;
  std::int64_t version = 0;
  std::vector<std::string> changed_keys;
  bool operator==(const LatestSet&) const = default;
};

struct LatestVersions {
  std::int64_t sequence = 0;
  std::string deployment;
  std::vector<LatestSet> sets;
  bool operator==(const LatestVersions&) const = default;
};

struct WatchAnswer {
  WatchState state = WatchState::unknown;
  std::string organization;
  std::string agent;
  std::optional<RunningVersions> running;
  std::optional<LatestVersions> latest;
  bool operator==(const WatchAnswer&) const = default;
};

// Bounded (core/limits.h); unknown members are ignored, an unknown state is an error.
Result<WatchAnswer> parse_watch_answer(std::string_view json);

// ErrorCode::untrusted unless the answer is about this agent of this organization, and about the
// release in the request: a cache or a proxy may have mixed up answers, and parts of an answer
// become the environment of --on-change. An answer of `revoked` or `unbound` may have no agent and
// organization, if the region no longer has a record of the agent.
Result<void> check_addressee(const WatchAnswer& answer, std::string_view organization,
                             std::string_view agent, std::int64_t running_sequence);

// Writes a text that an answer may leave out: null instead of "", which the reader refuses.
boost::json::value text_or_null(const std::string& text);

// The member `running`, and the member `latest`: an object or null.
boost::json::value running_json(const WatchAnswer& answer);
boost::json::value latest_json(const WatchAnswer& answer);

// "bot-secrets v2→v3 changed: GREETING", for each set that differs; "" if no set differs.
std::string describe_changes(const WatchAnswer& answer);

}  // namespace agent_secrets::sidecar
