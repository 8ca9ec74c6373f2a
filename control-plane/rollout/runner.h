#pragma once
// `serve --on-deploy COMMAND`: runs an operator's command (kubectl, fly, docker compose) for each
// deployment, change of scaling and deletion. A deployment is available when its command has exited
// with 0; until then the previous deployment stays available.
//
// The catalog records at most one due run for each agent (control-plane/catalog/rollouts.h). A
// command that is running when the server stops or dies runs again at the next start, so it must be
// idempotent. Two commands for one agent never run at once; commands for different agents run in
// parallel, in fair turns of their organizations (control-plane/rollout/deploy_turns.h). A request
// during a run gets the next run. A failed command is not retried; the next deploy runs it again.
//
// The command's environment has the facts (docs/OPERATIONS.md), none of them secret, and the
// server's own variables without AGENT_SECRETS_… and PGPASSWORD. Output goes into the agent's
// events.
//
// Threads: run() needs its own thread; any thread may call wake().

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "control-plane/catalog/events.h"
#include "control-plane/catalog/rollouts.h"
#include "control-plane/rollout/deploy_turns.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct RolloutOptions {
  std::string command;
  std::chrono::milliseconds time_limit{300'000};
  std::vector<std::string> inherited;  // "NAME=value", inherited from the server's environment
  std::chrono::milliseconds idle_poll{500};  // to notice agents whose region has the new deployment
};

// "AGENT_SECRETS_DEPLOY_EVENT=deploy" and so on.
std::vector<std::string> rollout_facts(const Rollout& rollout);
// The part of this process's environment that a command inherits.
std::vector<std::string> rollout_inherits(char** environment);

class RolloutRunner {
 public:
  // The other arguments must outlive it.
  RolloutRunner(RolloutOptions options, Rollouts& rollouts, Events& events, const Log& log);
  // Runs until a stop is requested; then kills the running commands, which run again at the next
  // start.
  void run(const std::stop_token& stop);
  // A rollout is due: check now, not at the next poll.
  void wake();

 private:
  void start_due();
  void join_finished();
  void execute(const Rollout& rollout, const std::stop_token& stop);
  std::string run_one(const Rollout& rollout, const std::stop_token& stop);
  void note(const Rollout& rollout, std::string_view kind, std::string_view text);

  const RolloutOptions options_;
  Rollouts& rollouts_;
  Events& events_;
  const Log& log_;

  std::mutex mutex_;
  std::condition_variable_any condition_;
  bool awake_ = false;
  std::vector<std::int64_t> finished_;  // agents whose run has ended
  // Used by the thread of run() only.
  DeployTurns turns_;
  std::map<std::int64_t, std::jthread> running_;  // by agent
};

}  // namespace agent_secrets::control_plane
