#pragma once
// Starts secret-sidecar beside the bot, before the injector becomes the bot.
//
// The sidecar gets:
// - a clean environment;
// - the *watch* credential in a sealed memfd on descriptor 3: it can request versions and cannot
//   open a bundle;
// - a pidfd of the bot on descriptor 4, if the kernel has pidfds. This process opens its own pidfd
//   before the fork, and becomes the bot. So a later process with the same PID is never taken for
//   the bot;
// - a session of its own, the default signal dispositions, an empty mask, stdin and stdout on
//   /dev/null, and the stderr of this process.
//
// The injector forks twice, so that init (tini) reaps the sidecar, and the bot has no child that it
// did not start. libcurl may have left a resolver thread, so everything is prepared before the
// fork: between fork and exec only async-signal-safe calls are made (signal-safety(7)).

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
  // True: wait until the sidecar watches, which it reports on descriptor 5. False: until its exec.
  bool wait_until_ready = false;
  bool allow_plain_http = false;  // the injector's option
  // The longest wait until it is ready; at most ten seconds.
  std::chrono::milliseconds patience{};
  std::optional<BotUser> user = {};  // the sidecar's user; absent: the user of this process
};

// Returns after the exec of the sidecar, or when it is ready, or with an error. `environment` is
// the environment with which this process was started. The sidecar is searched beside this binary,
// then in the PATH of `environment`. It receives PATH, HOME, LANG, TZ, the proxies,
// AGENT_SECRETS_LOG and AGENT_SECRETS_SIDECAR_* of `environment`.
Result<void> launch_sidecar(const SidecarLaunch& launch, const SecretBuffer& watch_credential,
                            char** environment);

// The sidecar's command line. Without a pidfd the sidecar polls the bot's PID to notice its end.
std::vector<std::string> sidecar_words(const SidecarLaunch& launch, bool has_pidfd);

// The part of `environment` that a sidecar may see, NULL-terminated.
std::vector<char*> sidecar_environment(char** environment);

// Waits until the sidecar at the other end of the pipe reports that it is ready.
// ErrorCode::timed_out after `patience`.
Result<void> await_readiness(int fd, std::chrono::milliseconds patience);

// The path of the sidecar's binary. The message of ErrorCode::not_found names both places.
Result<std::string> find_sidecar(const std::string& own_directory, const char* search_path);

}  // namespace agent_secrets
