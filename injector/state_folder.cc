#include "injector/state_folder.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/shared_names.h"
#include "core/state_place.h"
#include "injector/bot_claim.h"
#include "injector/environment.h"
#include "injector/run_purpose.h"
#include "injector/running_state.h"

namespace agent_secrets {
namespace {

Result<UniqueFd> open_folder(const StateFolder& state, const Options& options) {
  const bool has_sidecar = options.sidecar != SidecarWish::none;
  if (state.is_named || has_sidecar) {
    auto made = make_state_directory(state.path, has_sidecar ? options.user : std::nullopt);
    if (!made) return propagate(made);
  }
  return open_state_directory(state.path);
}

// The PID of a bot that has the directory already; absent if this run is the bot. An error if this
// run cannot have the directory, and no other bot has it.
Result<std::optional<pid_t>> claim(int folder, const StateFolder& state, const Options& options,
                                   Clock& clock, const Log& log) {
  const ProcessIdentity self = own_identity();
  auto owned = check_state_owner(folder, state.path, options.user);
  if (!owned) {
    // Reading is safe. It is needed so that root beside a bot of another user does not count as the
    // bot.
    if (const auto holder = find_holder(folder, self)) return holder;
    return propagate(owned);
  }
  auto claimed = claim_directory(folder,
                                 {.process = self,
                                  .has_sidecar = options.sidecar != SidecarWish::none,
                                  .has_files = has_paths(options.environment.files)},
                                 clock);
  if (claimed) return claimed;
  // The same fault will stop the write of running.json, which logs it.
  log.debug("claim the state directory", {{"cause", claimed.error().message}});
  return std::nullopt;
}

void tell_of_bot(pid_t pid, const Options& options, const StateFolder& state, const Log& log) {
  if (options.sidecar == SidecarWish::required) return;  // an error about it follows
  const bool has_sidecar = options.sidecar != SidecarWish::none;
  std::string_view rest;
  if (options.env_files.empty()) {
    rest = state.is_developers
               ? " and counts as a developer's run"
               : " and counts as an instance of its own; give a command that is no bot "
                 "--one-shot, and a second bot its own --state-dir";
  }
  log.warning(fmt::format("a bot runs here already: this run leaves its state directory alone{}{}",
                          has_sidecar ? ", starts no sidecar" : "", rest),
              {{"directory", state.path}, {"bot_pid", pid}});
}

}  // namespace

StateFolder choose_state_folder(const Options& options, char** environment) {
  StateFolder state;
  state.path = options.state_directory;
  if (const char* variable = find_variable(environment, kStateDirectoryVariable);
      state.path.empty() && variable != nullptr) {
    state.path = variable;
  }
  state.is_named = !state.path.empty();
  if (!state.is_named) state.path = default_state_directory();
  return state;
}

void warn_of_state(const StateFolder& state, const Error& cause, const Log& log) {
  const std::string_view message = "the state directory is not up to date";
  if (state.is_named) {
    log.warning(message, {{"cause", cause.message}});
  } else {
    log.debug(message, {{"cause", cause.message}});
  }
}

StateFolder enter_state_folder(const Options& options, char** environment, Clock& clock,
                               const Log& log) {
  StateFolder state = choose_state_folder(options, environment);
  if (options.purpose == Purpose::one_shot) state.kind = RunKind::one_shot;
  if (options.action != Action::run) state.kind = RunKind::look;
  if (state.kind != RunKind::bot) return state;
  state.is_developers = is_developers_run(options);
  if (state.is_developers && options.env_files.empty()) {
    log.debug("the control plane is told of a developer's run", {{"otherwise", "--purpose bot"}});
  }

  auto opened = open_folder(state, options);
  if (!opened) {
    warn_of_state(state, opened.error(), log);
    return state;
  }
  const auto other = claim(opened->get(), state, options, clock, log);
  if (!other) {
    warn_of_state(state, other.error(), log);
    return state;
  }
  if (*other) {
    state.kind = RunKind::beside_bot;
    tell_of_bot(**other, options, state, log);
    return state;
  }
  state.fd = std::move(*opened);
  return state;
}

}  // namespace agent_secrets
