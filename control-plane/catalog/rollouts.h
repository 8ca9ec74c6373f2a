#pragma once
// The side of the catalog that the runner of deploy commands sees (rollout/runner.h), and what
// happened to an agent.
//
// A rollout is one run of the command that is owed to an agent: for a new deployment once its
// region has it, for a change of scaling, for a deletion once its region knows. One an agent: a
// newer request takes the place of an older one. It is durable, and settled only by a run that
// answers the newest request, so a crash at any moment repeats the command and never forgets it.
//
// Threads: safe from several.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace agent_secrets::control_plane {

enum class RolloutEvent { deploy, scale, remove };
std::string_view to_string(RolloutEvent event);  // "deploy", "scale", "delete"

// What a command is told, and nothing of it is secret.
struct Rollout {
  std::int64_t agent_id = 0;
  std::int64_t ticket = 0;
  RolloutEvent event = RolloutEvent::deploy;
  std::string organization;
  std::string agent;
  std::string region;
  std::string deployment_id;
  std::string image;
  std::string secret_set;               // or ""
  std::int64_t secret_set_version = 0;  // pinned; 0 without a set
  std::string image_pull_secret_set;    // or ""
  int min_agents = 0;
  int max_agents = 0;
};

struct AgentEvent {
  std::chrono::milliseconds at{};  // Unix time
  std::string kind;                // "deployment", "on-deploy", "output", …
  std::string text;                // printable
};

class Rollouts {
 public:
  virtual ~Rollouts() = default;

  // Whether changes from now on wait for a command. When they do not, those that waited are let go:
  // there is nobody who would run it.
  virtual Result<void> use_rollouts(bool wanted) = 0;
  // Those that are due: not failed, and known to their region. Oldest request first; an agent that
  // asks again before its run begins keeps its place. A deleted agent's run comes before any of a
  // later agent of its name: both are for one target.
  virtual Result<std::vector<Rollout>> due_rollouts() = 0;
  // `failure` is "" after a success. Says whether the run answered the newest request.
  virtual Result<bool> settle_rollout(const Rollout& rollout, std::string_view failure) = 0;

  // Keeps limits::kEventsPerAgent of an agent, the newest.
  virtual Result<void> add_event(std::int64_t agent_id, std::string_view kind,
                                 std::string_view text) = 0;
  // Oldest first.
  virtual Result<std::vector<AgentEvent>> list_events(std::int64_t agent_id) = 0;
};

}  // namespace agent_secrets::control_plane
