#include "sidecar/sidecar.h"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "core/directory.h"
#include "core/file_record.h"
#include "core/limits.h"
#include "core/threads.h"
#include "sidecar/active_sessions.h"
#include "sidecar/credential_file.h"
#include "sidecar/running_state.h"

namespace agent_secrets::sidecar {
namespace {

// An earlier sidecar ends within a second after its bot.
constexpr std::chrono::milliseconds kLockPatience{5'000};
constexpr std::chrono::milliseconds kLockRetry{1'000};
// A cut network is noticed within this time and some seconds, long before the end of the long poll.
constexpr std::chrono::seconds kDeadPeer{20};

Result<WatchCredential> read_credential(const RunOptions& options) {
  return options.credential_fd ? read_credential_fd(UniqueFd(*options.credential_fd))
                               : read_credential_file(options.credential_file);
}

// An earlier instance with the same directory may take hours to finish its sessions, and its
// sidecar runs as long. Beside a bot, wait for the lock as long as the bot runs.
Result<void> take_lock(StateDirectory& directory, End& end, const RunOptions& options,
                       const Log& log) {
  SystemClock clock;
  auto locked = directory.lock(clock, kLockPatience);
  const auto is_held = [&] { return !locked && locked.error().code == ErrorCode::conflict; };
  if (!is_held() || (!options.bot.pid && !options.bot.pidfd)) return locked;
  log.warning("waiting for another sidecar to end: it holds the state directory",
              {{"directory", options.state_directory}});
  while (is_held()) {
    const auto ended = end.wait_for(kLockRetry);
    if (!ended) return std::unexpected(ended.error());
    if (*ended) break;
    locked = directory.lock(clock, std::chrono::milliseconds(0));
  }
  return locked;
}

std::string instance_name(const RunOptions& options) {
  if (!options.instance.empty()) return options.instance;
  std::array<char, limits::kInstanceIdMax + 1> host{};
  // A name that is too long may have no NUL; the last byte of the array is still a NUL.
  if (::gethostname(host.data(), host.size() - 1) != 0 || host[0] == '\0') return "unnamed";
  return host.data();
}

}  // namespace

Result<std::unique_ptr<Sidecar>> Sidecar::start(const RunOptions& options, const Log& log) {
  auto end = End::prepare(options.bot);
  if (!end) return propagate(end);
  if (auto started = log.start_thread(); !started) return propagate(started);
  auto credential = read_credential(options);
  if (!credential) return propagate(credential);
  auto directory = StateDirectory::open(options.state_directory);
  if (!directory) return propagate(directory);
  if (auto locked = take_lock(*directory, *end, options, log); !locked) return propagate(locked);
  auto clock_jump = ClockJump::watch();
  if (!clock_jump) return propagate(clock_jump);
  // The state of an earlier sidecar is not valid for this sidecar.
  if (auto removed = directory->remove(kSidecarFile); !removed) return propagate(removed);
  auto sidecar = std::unique_ptr<Sidecar>(new Sidecar(options, log, std::move(*credential),
                                                      std::move(*directory), std::move(*end),
                                                      std::move(*clock_jump)));
  sidecar->shared_.set(sidecar->watcher_.knowledge());
  if (!options.listen.empty()) {
    auto server = StatusServer::bind(options.listen, [self = sidecar.get()](std::string_view path) {
      return status_page(path, self->known(), self->options_.unready_when,
                         self->clock_.unix_time());
    });
    if (!server) return propagate(server);
    sidecar->server_ = std::move(*server);
    log.info("listening", {{"port", sidecar->server_->port()}});
  }
  if (auto started = sidecar->start_threads(); !started) return propagate(started);
  return sidecar;
}

// The watch thread starts last, because it cannot be stopped.
Result<void> Sidecar::start_threads() {
  if (hook_) {
    if (auto started = hook_->start(); !started) return started;
  }
  if (server_) {
    auto serving = start_thread<std::thread>("--listen", [this] { server_->run(); });
    if (!serving) return propagate(serving);
    server_thread_ = std::move(*serving);
  }
  auto watching = start_thread<std::thread>("watching", [this] { watch_for_ever(); });
  if (watching) {
    watch_thread_ = std::move(*watching);
    return {};
  }
  if (server_) {
    server_->stop();
    server_thread_.join();
  }
  return propagate(watching);
}

Sidecar::Sidecar(const RunOptions& options, const Log& log, WatchCredential credential,
                 StateDirectory directory, End end, ClockJump clock_jump)
    : options_(options),
      log_(log),
      credential_(std::move(credential)),
      directory_(std::move(directory)),
      end_(std::move(end)),
      clock_jump_(std::move(clock_jump)),
      transport_({.ca_pem = credential_.identity.ca_pem,
                  .allow_plain_http = options.allow_plain_http,
                  .user_agent = "secret-sidecar/" AGENT_SECRETS_VERSION,
                  .interrupt_fd = clock_jump_.fd(),
                  .dead_peer_timeout = kDeadPeer}),
      watcher_(
          credential_, transport_, clock_, random_fraction, [this] { return running_sequence(); },
          [this] { return active_sessions(); },
          {.instance = instance_name(options), .poll_wait = options.poll_wait}),
      flag_(directory_),
      announcer_(log) {
  if (options.on_change.empty()) return;
  hook_.emplace(options.on_change, options.on_change_timeout, hook_inherits(::environ), directory_,
                log);
}

Result<EndReason> Sidecar::wait_for_end() {
  auto reason = end_.wait();
  if (hook_) hook_->stop();
  if (reason && *reason == EndReason::bot_ended) remove_files_of_bot();
  directory_.freeze();
  return reason;
}

// Values that the bot had in files at paths. Where the sidecar was given a pidfd alone, it cannot
// tell its bot's record from another one's; the next start removes the files then.
void Sidecar::remove_files_of_bot() const {
  if (!options_.bot.pid) return;
  const auto folder = open_directory(options_.state_directory, "state directory");
  const auto removed = folder ? remove_recorded_files(folder->get(), options_.bot.pid)
                              : Result<void>(std::unexpected(folder.error()));
  if (!removed) {
    log_.error("a file with a value of the bot stays", {{"cause", removed.error().message}});
  }
}

void Sidecar::watch_for_ever() {
  for (;;) {
    const bool followed = followed_.has_value();
    const auto pause = watcher_.step();
    notice_clock_jump();
    if (followed || followed_) publish(watcher_.knowledge());
    if (pause.count() > 0) clock_.sleep_for(pause);
  }
}

void Sidecar::notice_clock_jump() {
  const auto happened = clock_jump_.happened();
  if (!happened) return report("clock", std::unexpected(happened.error()));
  if (*happened)
    log_.info("the clock was set or the machine was suspended: sending the request again");
}

std::int64_t Sidecar::active_sessions() {
  const auto sessions = read_active_sessions(directory_);
  if (sessions) return *sessions;
  report("read", std::unexpected(sessions.error()));
  return 0;
}

std::optional<std::int64_t> Sidecar::running_sequence() {
  if (options_.sequence) {
    follow_sequence(*options_.sequence);
    return options_.sequence;
  }
  const auto running = read_running_state(directory_);
  if (!running) {
    report("read", std::unexpected(running.error()));
    return followed_;
  }
  if (!running->has_value()) return followed_;
  if (!(*running)->is_watchable) {
    follow_nothing();
    return followed_;
  }
  const CredentialIdentity& identity = credential_.identity;
  if ((*running)->organization != identity.organization || (*running)->agent != identity.agent) {
    report("read",
           fail(ErrorCode::invalid, fmt::format("{} is of agent {}, the credential of {}",
                                                kRunningFile, (*running)->agent, identity.agent)));
    return followed_;
  }
  follow_sequence((*running)->sequence);
  return followed_;
}

// A flag of an earlier instance must not remain.
void Sidecar::follow_sequence(std::int64_t sequence) {
  if (followed_ == sequence) return;
  followed_ = sequence;
  const CredentialIdentity& identity = credential_.identity;
  report("flag", flag_.begin(identity.organization, identity.agent, sequence));
}

void Sidecar::follow_nothing() {
  if (!followed_) return;
  followed_.reset();
  report("flag", directory_.remove(kFlagFile));
}

void Sidecar::publish(const Knowledge& knowledge) {
  shared_.set(knowledge);
  report("flag", flag_.update(knowledge));
  report("state", directory_.write(kSidecarFile, to_json(knowledge, ::getpid())));
  announcer_.update(knowledge);
  if (hook_) hook_->update(knowledge);
}

Knowledge Sidecar::known() const {
  Knowledge knowledge = shared_.get();
  knowledge.dropped_log_lines = static_cast<std::int64_t>(log_.dropped_lines());
  if (!hook_) return knowledge;
  const Hook::Counts counts = hook_->counts();
  knowledge.hook_runs = counts.runs;
  knowledge.hook_failures = counts.failures;
  return knowledge;
}

// Logs each error once, so that a full disk does not also fill the log.
void Sidecar::report(std::string_view what, const Result<void>& result) {
  if (result) return;
  std::string& reported = reported_[std::string(what)];
  if (result.error().message == reported) return;
  reported = result.error().message;
  log_.error(what, {{"cause", reported}});
}

}  // namespace agent_secrets::sidecar
