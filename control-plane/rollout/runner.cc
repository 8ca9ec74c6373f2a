#include "control-plane/rollout/runner.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/cli_text.h"
#include "control-plane/catalog/image_reference.h"
#include "control-plane/rollout/deploy_name.h"
#include "core/command.h"
#include "core/limits.h"
#include "core/printable.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kNoImage =
    "The deploy command was not run: the deployment's image is no image reference. Deploy another.";

std::string fact(std::string_view name, std::string_view value) {
  return fmt::format("AGENT_SECRETS_DEPLOY_{}={}", name, value);
}

}  // namespace

std::vector<std::string> rollout_facts(const Rollout& rollout) {
  return {fact("EVENT", to_string(rollout.event)),
          fact("ORGANIZATION", rollout.organization),
          fact("AGENT", rollout.agent),
          fact("NAME", deploy_name(rollout.organization, rollout.agent)),
          fact("REGION", rollout.region),
          fact("ID", rollout.deployment_id),
          fact("IMAGE", rollout.image),
          fact("SECRET_SET", rollout.secret_set),
          fact("SECRET_SET_VERSION", rollout.secret_set_version > 0
                                         ? std::to_string(rollout.secret_set_version)
                                         : std::string()),
          fact("IMAGE_PULL_SECRET_SET", rollout.image_pull_secret_set),
          fact("MIN_AGENTS", std::to_string(rollout.min_agents)),
          fact("MAX_AGENTS", std::to_string(rollout.max_agents))};
}

std::vector<std::string> rollout_inherits(char** environment) {
  std::vector<std::string> inherited;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    const bool is_ours =
        variable.starts_with("AGENT_SECRETS_") || variable.starts_with("PGPASSWORD=");
    if (!is_ours) inherited.emplace_back(variable);
  }
  return inherited;
}

RolloutRunner::RolloutRunner(RolloutOptions options, Rollouts& rollouts, Events& events,
                             LeaseKeeper& lease, Lifeline& lifeline, const Log& log)
    : options_(std::move(options)),
      rollouts_(rollouts),
      events_(events),
      lease_(lease),
      lifeline_(lifeline),
      log_(log) {}

void RolloutRunner::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    join_finished();
    if (may_start()) start_due();
    std::unique_lock lock(mutex_);
    condition_.wait_for(lock, stop, options_.idle_poll, [this] { return awake_; });
    awake_ = false;
  }
  kill_running();
}

void RolloutRunner::wake() {
  {
    const std::scoped_lock lock(mutex_);
    awake_ = true;
  }
  condition_.notify_one();
}

bool RolloutRunner::may_start() {
  if (!begin_term()) return false;
  return std::chrono::steady_clock::now() >= first_start_;
}

// False: this process does not hold the lease.
bool RolloutRunner::begin_term() {
  auto term = lease_.term();
  if (term && term == term_) return true;
  kill_running();  // of a term that is lost
  term_.reset();
  if (!term) return false;
  // Now that no other process can forget the command meanwhile.
  if (auto recorded = rollouts_.use_command(options_.actor); !recorded) {
    log_.warning("on-deploy: cannot begin", {{"cause", recorded.error().message}});
    return false;
  }
  term_ = std::move(term);
  first_start_ = std::chrono::steady_clock::now() + options_.first_pause;
  return true;
}

void RolloutRunner::kill_running() {
  for (auto& [agent_id, thread] : running_) thread.request_stop();
  running_.clear();  // joins the threads
  turns_ = {};
  const std::scoped_lock lock(mutex_);
  finished_.clear();
}

void RolloutRunner::join_finished() {
  std::vector<std::int64_t> finished;
  {
    const std::scoped_lock lock(mutex_);
    finished = std::exchange(finished_, {});
  }
  for (const std::int64_t agent_id : finished) {
    running_.erase(agent_id);
    turns_.ended(agent_id);
  }
}

void RolloutRunner::start_due() {
  auto due = rollouts_.list_due();
  if (!due) {
    log_.warning("on-deploy: cannot read the due commands", {{"cause", due.error().message}});
    return;
  }
  while (const Rollout* next = turns_.next(*due)) {
    auto thread = start_thread<std::jthread>(
        "a deploy command",
        [this, job = Job{.rollout = *next, .term = *term_}](const std::stop_token& stop) {
          execute(job, stop);
          {
            const std::scoped_lock lock(mutex_);
            finished_.push_back(job.rollout.agent_id);
            awake_ = true;
          }
          condition_.notify_one();
        });
    if (!thread) {  // the rollout is still due: the next poll tries again
      log_.error("on-deploy: a command cannot be started",
                 {{"cause", thread.error().message}, {"hint", thread.error().hint}});
      return;
    }
    turns_.started(*next);
    running_[next->agent_id] = std::move(*thread);
  }
}

// False: another process has taken the lease.
bool RolloutRunner::note(const Job& job, std::string_view kind, std::string_view text) {
  auto noted = events_.add(job.rollout.agent_id, kind, printable(text), job.term);
  if (noted) return true;
  log_.warning("on-deploy: an event is lost",
               {{"agent", job.rollout.agent}, {"cause", noted.error().message}});
  return noted.error().code != ErrorCode::conflict;
}

void RolloutRunner::execute(const Job& job, const std::stop_token& stop) {
  const Rollout& rollout = job.rollout;
  log_.info("on-deploy", {{"organization", rollout.organization},
                          {"agent", rollout.agent},
                          {"event", to_string(rollout.event)},
                          {"deployment", rollout.deployment_id}});
  if (!note(job, "on-deploy", fmt::format("{}: started", to_string(rollout.event)))) return;
  const std::string failure = run_one(job, stop);
  // Not settled: killed with its process or its term, it runs again in the next term.
  if (stop.stop_requested() || !lease_.holds(job.term)) return;
  note(job, "on-deploy",
       failure.empty() ? fmt::format("{}: done", to_string(rollout.event))
                       : fmt::format("{}: {}", to_string(rollout.event), failure));
  auto settled = rollouts_.settle(rollout, failure, job.term);
  if (!settled) {
    log_.error("on-deploy: the outcome is lost, the command will run again",
               {{"agent", rollout.agent}, {"cause", settled.error().message}});
  } else if (!failure.empty()) {
    log_.warning("on-deploy failed", {{"agent", rollout.agent}, {"cause", failure}});
  }
}

// "" after a success, otherwise the failure as text for the API.
std::string RolloutRunner::run_one(const Job& job, const std::stop_token& stop) {
  // A deployment from before images were checked must not reach a command line. A deletion needs no
  // image, so it runs without one.
  Rollout told = job.rollout;
  if (!is_image_reference(told.image)) {
    if (told.event != RolloutEvent::remove) return std::string(kNoImage);
    told.image.clear();
  }
  CommandOptions command{.command = options_.command,
                         .environment = options_.inherited,
                         .time_limit = options_.time_limit,
                         .lifeline = &lifeline_};
  for (std::string& fact : rollout_facts(told)) command.environment.push_back(std::move(fact));
  int lines = 0;
  std::string last;
  const auto outcome = run_command(
      command,
      [&](std::string_view line) {
        if (++lines <= limits::kRolloutLines) note(job, "output", line);
        if (!line.empty()) last = line;
      },
      stop);
  if (lines > limits::kRolloutLines) {
    note(job, "output", fmt::format("… and {} lines more", lines - limits::kRolloutLines));
  }
  std::string failure = outcome ? describe_failure(*outcome) : outcome.error().message;
  if (failure.empty()) return failure;
  if (!last.empty()) failure += ": " + printable(last);
  return without_markup("The deploy command failed: " + failure);
}

}  // namespace agent_secrets::control_plane
