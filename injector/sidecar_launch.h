#pragma once
// Starts secret-sidecar beside the bot, before the injector becomes the bot.
//
// The sidecar gets: a clean environment; the *watch* credential in a sealed memfd on descriptor 3,
// which can ask for versions and cannot open a bundle; a pidfd of the bot on descriptor 4 (where
// the kernel has such), made before the fork, while this process is certainly alive and certainly
// the bot-to-be, so that a recycled PID can never be mistaken for it. It has a session of its own,
// the default signal dispositions, an empty mask, stdin and stdout on /dev/null and our stderr.
//
// Forked twice, so that init (tini) reaps it and the bot never sees a child that it did not make.
// libcurl may have left a resolver thread, so between fork and exec only async-signal-safe calls
// are made (signal-safety(7)): everything is prepared before.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/secret_buffer.h"
#include "injector/bot_user.h"

namespace agent_secrets {

struct SidecarLaunch {
  std::string state_directory;
  std::string instance_id;
  std::int64_t sequence = 0;
  // Success is then that it watches, not that it was exec'ed: it says so on descriptor 5.
  bool wait_until_ready = false;
  bool allow_plain_http = false;  // as the injector's option
  // How long it may take to become ready; ten seconds at most.
  std::chrono::milliseconds patience{};
  std::optional<BotUser> user = {};  // whom it runs as; without it as this process does
};

// Returns when the sidecar has been exec'ed or is ready, or with why it has not. `environment` is
// the one that this process was started with: the sidecar is looked for beside this binary, then in
// its PATH, and sees PATH, HOME, LANG, TZ, the proxies, AGENT_SECRETS_LOG and
// AGENT_SECRETS_SIDECAR_* of it.
Result<void> launch_sidecar(const SidecarLaunch& launch, const SecretBuffer& watch_credential,
                            char** environment);

// The sidecar's command line. Without a pidfd the bot's end is polled for by its PID.
std::vector<std::string> sidecar_words(const SidecarLaunch& launch, bool has_pidfd);

// The part of `environment` that a sidecar may see, NULL-terminated.
std::vector<char*> sidecar_environment(char** environment);

// Until the sidecar at the other end of the pipe has said that it is ready.
// ErrorCode::timed_out after `patience`.
Result<void> await_readiness(int fd, std::chrono::milliseconds patience);

// Where the sidecar's binary is; ErrorCode::not_found names both places.
Result<std::string> find_sidecar(const std::string& own_directory, const char* search_path);

}  // namespace agent_secrets
