#include "sidecar/hook.h"

#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/json_reader.h"
#include "core/threads.h"

namespace agent_secrets::sidecar {
namespace {

constexpr std::size_t kChangeMax = 64 * 1024;
// Below execve's limit for one string; redeploy.json has the whole list.
constexpr std::size_t kFactMax = 32 * 1024;

std::string fact(std::string_view name, std::string value) {
  if (value.size() > kFactMax) value = value.substr(0, kFactMax) + "…";
  return fmt::format("AGENT_SECRETS_{}={}", name, value);
}

// "bot-secrets:KEY_A,KEY_B other:KEY_C"
std::string changed_keys(const WatchAnswer& answer) {
  std::string text;
  if (!answer.latest) return text;
  for (const LatestSet& set : answer.latest->sets) {
    if (set.changed_keys.empty()) continue;
    text +=
        fmt::format("{}{}:{}", text.empty() ? "" : " ", set.name, fmt::join(set.changed_keys, ","));
  }
  return text;
}

std::string hook_json(std::string_view change, const std::optional<CommandOutcome>& outcome) {
  boost::json::object object{{"schema", 1}, {"change", boost::json::string(change)}};
  object["exit_code"] = nullptr;
  if (outcome) object["exit_code"] = outcome->exit_code;
  return boost::json::serialize(object);
}

}  // namespace

std::string change_id(const Knowledge& knowledge) {
  const WatchAnswer& answer = knowledge.answer;
  std::string id = fmt::format("{} {}", to_string(answer.state), knowledge.running_sequence);
  if (!answer.latest) return id;
  id += fmt::format(" {}", answer.latest->sequence);
  for (const LatestSet& set : answer.latest->sets) {
    id += fmt::format(" {}={}", set.name, set.version);
  }
  return id;
}

std::vector<std::string> hook_facts(const Knowledge& knowledge) {
  const WatchAnswer& answer = knowledge.answer;
  return {fact("STATE", std::string(to_string(answer.state))),
          fact("ORGANIZATION", answer.organization),
          fact("AGENT", answer.agent),
          fact("INSTANCE", knowledge.instance),
          fact("RUNNING_SEQUENCE", std::to_string(knowledge.running_sequence)),
          fact("LATEST_SEQUENCE", std::to_string(answer.latest ? answer.latest->sequence : 0)),
          fact("CHANGES", describe_changes(answer)),
          fact("CHANGED_KEYS", changed_keys(answer))};
}

std::vector<std::string> hook_inherits(char** environment) {
  std::vector<std::string> inherited;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (text.starts_with("AGENT_SECRETS_")) continue;
    inherited.emplace_back(text);
  }
  return inherited;
}

Hook::Hook(std::string command, std::chrono::milliseconds time_limit,
           std::vector<std::string> inherited, StateDirectory& directory, const Log& log)
    : command_(std::move(command)),
      time_limit_(time_limit),
      inherited_(std::move(inherited)),
      directory_(directory),
      log_(log),
      seen_(last_change()) {}

Result<void> Hook::start() {
  auto thread = start_thread<std::jthread>("--on-change",
                                           [this](const std::stop_token& stop) { work(stop); });
  if (!thread) return propagate(thread);
  thread_ = std::move(*thread);
  return {};
}

// If the file cannot be read, no command counts as run: a command that runs twice is better than a
// missing run.
std::string Hook::last_change() const {
  const auto text = directory_.read(kHookFile);
  if (!text || !text->has_value()) return {};
  JsonDocument document(**text, kStateFileMax);
  std::string change(document.root().text("change", kChangeMax));
  return document.finish() ? change : "";
}

// The first state "current" is normal and not a change.
bool Hook::is_news(const Knowledge& knowledge, const std::string& change) {
  const WatchState state = knowledge.answer.state;
  if (state == WatchState::unknown || change == seen_) return false;
  const bool was_calm = seen_.empty() || seen_.starts_with("current ");
  seen_ = change;
  return state != WatchState::current || !was_calm;
}

void Hook::update(const Knowledge& knowledge) {
  std::string change = change_id(knowledge);
  if (!is_news(knowledge, change)) return;
  Run run{.change = std::move(change), .environment = inherited_};
  for (std::string& fact : hook_facts(knowledge)) run.environment.push_back(std::move(fact));
  {
    const std::lock_guard lock(mutex_);
    pending_ = std::move(run);
  }
  pending_changed_.notify_one();
}

void Hook::stop() {
  thread_.request_stop();
  thread_.join();
}

Hook::Counts Hook::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void Hook::work(const std::stop_token& stop) {
  for (;;) {
    std::optional<Run> run;
    {
      std::unique_lock lock(mutex_);
      if (!pending_changed_.wait(lock, stop, [this] { return pending_.has_value(); })) return;
      run = std::exchange(pending_, std::nullopt);
      ++counts_.runs;
    }
    execute(*run, stop);
  }
}

void Hook::execute(const Run& run, const std::stop_token& stop) {
  if (auto noted = directory_.write(kHookFile, hook_json(run.change, std::nullopt)); !noted) {
    log_.warning("on-change: a restarted sidecar may run this change again",
                 {{"cause", noted.error().message}});
  }
  int lines = 0;
  const auto outcome = run_command(
      {.command = command_, .environment = run.environment, .time_limit = time_limit_},
      [&](std::string_view line) {
        if (++lines <= kHookLinesMax) log_.info("on-change", {{"output", line}});
      },
      stop);
  if (lines > kHookLinesMax)
    log_.info("on-change: more output", {{"lines", lines - kHookLinesMax}});
  const std::string failure = outcome ? describe_failure(*outcome) : outcome.error().message;
  if (failure.empty()) {
    log_.info("on-change: done", {{"change", run.change}});
  } else {
    log_.warning("on-change failed", {{"change", run.change}, {"cause", failure}});
    const std::lock_guard lock(mutex_);
    ++counts_.failures;
  }
  if (!outcome) return;
  // Adds the exit code for readers of the file; the change was recorded before the run.
  (void)directory_.write(kHookFile, hook_json(run.change, *outcome));
}

}  // namespace agent_secrets::sidecar
