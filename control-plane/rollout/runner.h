#pragma once
// `serve --on-deploy COMMAND`: runs an operator's command (kubectl, fly, docker compose) for each
// deployment, change of scaling and deletion. A deployment is available when its command has exited
// with 0; until then the previous deployment stays available.
//
// The catalog records at most one due run for each agent (control-plane/catalog/rollouts.h). Two
// commands for one agent never run at once; commands for different agents run in parallel, in fair
// turns of their organizations (control-plane/rollout/deploy_turns.h). A request during a run gets
// the next run. A failed command is not retried; the next deploy runs it again.
//
// Of several processes that serve one database, the holder of the lease kRolloutsWork runs
// commands. A command that is running when its process stops, dies, or loses the lease is killed,
// and runs again, so it must be idempotent. When the process cannot kill it, its supervisor does
// (core/lifeline.h): the next holder's command does not begin before that.
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
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "control-plane/catalog/events.h"
#include "control-plane/catalog/rollouts.h"
#include "control-plane/replica/lease_keeper.h"
#include "control-plane/rollout/deploy_turns.h"
#include "core/lifeline.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct RolloutOptions {
  std::string command;
  std::chrono::milliseconds time_limit{300'000};
  std::vector<std::string> inherited;  // "NAME=value", inherited from the server's environment
  std::chrono::milliseconds idle_poll{500};  // to notice agents whose region has the new deployment
  // Before the first command of a term of the lease. When a process is killed and the next one on
  // its data directory starts at once, the supervisors need a moment to kill their commands.
  std::chrono::milliseconds first_pause{1'000};
  Actor actor = {};  // who runs the server, for the audit record that there is a deploy command
};

// "AGENT_SECRETS_DEPLOY_EVENT=deploy" and so on.
std::vector<std::string> rollout_facts(const Rollout& rollout);
// The part of this process's environment that a command inherits.
std::vector<std::string> rollout_inherits(char** environment);

class RolloutRunner {
 public:
  // `lease` is for kRolloutsWork. The other arguments must outlive the runner.
  RolloutRunner(RolloutOptions options, Rollouts& rollouts, Events& events, LeaseKeeper& lease,
                Lifeline& lifeline, const Log& log);
  // Runs until a stop is requested; then kills the running commands.
  void run(const std::stop_token& stop);
  // A rollout is due: check now, not at the next poll.
  void wake();

 private:
  // A rollout, and the term of the lease in which it runs.
  struct Job {
    Rollout rollout;
    LeaseTerm term;
  };
  bool may_start();
  bool begin_term();
  void start_due();
  void join_finished();
  void kill_running();
  void execute(const Job& job, const std::stop_token& stop);
  std::string run_one(const Job& job, const std::stop_token& stop);
  bool note(const Job& job, std::string_view kind, std::string_view text);

  const RolloutOptions options_;
  Rollouts& rollouts_;
  Events& events_;
  LeaseKeeper& lease_;
  Lifeline& lifeline_;
  const Log& log_;

  std::mutex mutex_;
  std::condition_variable_any condition_;
  bool awake_ = false;
  std::vector<std::int64_t> finished_;  // agents whose run has ended
  // Used by the thread of run() only.
  std::optional<LeaseTerm> term_;  // in which the running commands were started
  std::chrono::steady_clock::time_point first_start_;
  DeployTurns turns_;
  std::map<std::int64_t, std::jthread> running_;  // by agent
};

}  // namespace agent_secrets::control_plane
