#pragma once
// `serve --on-deploy COMMAND`: tells the operator's own platform of what was deployed, scaled or
// deleted, by running a command for it: kubectl, fly, docker compose. A deployment is available
// when its command has exited 0; until then its agent has the one before it.
//
// The catalog owes each agent at most one run (catalog/rollouts.h) and is the memory: a command
// under way when the server stops or dies runs again at its next start, so it has to be idempotent.
// Never two at once for one agent; those of different agents run side by side, in fair turns of
// their organizations (rollout/deploy_turns.h). What is asked for meanwhile gets the next run. A
// failed one is tried again by the next deploy, not by itself.
//
// The facts are in its environment (docs/OPERATIONS.md), none of them secret; the server's own
// variables stay, but those named AGENT_SECRETS_…. Output goes into the agent's events.
//
// Threads: run() on a thread of its own; wake() from any.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "control-plane/catalog/rollouts.h"
#include "control-plane/rollout/deploy_turns.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct RolloutOptions {
  std::string command;
  std::chrono::milliseconds time_limit{300'000};
  std::vector<std::string> inherited;        // "NAME=value", what the command keeps of ours
  std::chrono::milliseconds idle_poll{500};  // notices agents that their region has heard of
};

// "AGENT_SECRETS_DEPLOY_EVENT=deploy" and so on.
std::vector<std::string> rollout_facts(const Rollout& rollout);
// What of a process's environment a command keeps.
std::vector<std::string> rollout_inherits(char** environment);

class RolloutRunner {
 public:
  // The catalog's side and the log must outlive it.
  RolloutRunner(RolloutOptions options, Rollouts& rollouts, const Log& log);
  // Works until asked to stop; then kills what runs, which is left to be run again.
  void run(const std::stop_token& stop);
  // Something is due: look now rather than at the next poll.
  void wake();

 private:
  void start_due();
  void join_finished();
  void execute(const Rollout& rollout, const std::stop_token& stop);
  std::string run_one(const Rollout& rollout, const std::stop_token& stop);
  void note(const Rollout& rollout, std::string_view kind, std::string_view text);

  const RolloutOptions options_;
  Rollouts& rollouts_;
  const Log& log_;

  std::mutex mutex_;
  std::condition_variable_any condition_;
  bool awake_ = false;
  std::vector<std::int64_t> finished_;  // agents whose run has ended
  // Of the thread that runs run().
  DeployTurns turns_;
  std::map<std::int64_t, std::jthread> running_;  // by agent
};

}  // namespace agent_secrets::control_plane
