// secret-control-plane: secret sets for agents, behind the API that the official Pipecat Cloud CLI
// speaks.
#include <cerrno>

#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "control-plane/command_line.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/standard_streams.h"
#include "core/supervisor.h"

namespace agent_secrets::control_plane {
namespace {

// The soft limit is often 1024, for programs that use select(2); connections need more.
Result<void> raise_descriptor_limit() {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
    descriptors.rlim_cur = descriptors.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &descriptors) == 0) return {};
  }
  return fail(ErrorCode::failed, "raise the limit of open files: " + errno_message(errno));
}

// Values pass through this process: no core dump, no ptrace by others of the same user.
Result<void> harden_process() {
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return fail(ErrorCode::failed, "forbid core dumps: " + errno_message(errno));
  }
  if (auto raised = raise_descriptor_limit(); !raised) return raised;
  if (sodium_init() < 0) return fail(ErrorCode::failed, "libsodium does not initialise");
  return {};
}

Result<ExitCode> run(const ChosenCommand& command) {
  if (auto hardened = harden_process(); !hardened) return propagate(hardened);
  SystemClock clock;
  return command(clock);
}

int run(int argc, char** argv) {
  const auto parsed = parse_command_line(argc, argv);
  if (const auto* exit_code = std::get_if<ExitCode>(&parsed)) return *exit_code;
  const auto done = run(std::get<ChosenCommand>(parsed));
  if (done) return *done;
  write_last_words(describe("secret-control-plane", done.error()));
  return kExitFailed;
}

}  // namespace
}  // namespace agent_secrets::control_plane

int main(int argc, char** argv) {
  if (const auto exit_code = agent_secrets::run_as_supervisor(argc, argv)) return *exit_code;
  return agent_secrets::control_plane::run(argc, argv);
}
