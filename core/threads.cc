#include "core/threads.h"

#include <cerrno>

#include <fmt/format.h>

namespace agent_secrets {
namespace {

const char* hint_for(const std::error_code& cause) {
  return cause.value() == EPERM
             ? "allow clone3 in the container's seccomp profile: update Docker or runc, or give "
               "another profile"
             : "raise the limit of processes and threads (the container's pids limit, ulimit -u), "
               "or of memory";
}

}  // namespace

Error no_thread(std::string_view purpose, const std::error_code& cause) {
  return {.code = ErrorCode::failed,
          .message = fmt::format("make a thread for {}: {}", purpose, errno_message(cause.value())),
          .hint = hint_for(cause)};
}

std::optional<Error> find_thread_refusal(std::string_view purpose) {
  auto probe = start_thread<std::jthread>(purpose, [] {});
  if (probe) return std::nullopt;
  return std::move(probe.error());
}

}  // namespace agent_secrets
