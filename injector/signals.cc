#include "injector/signals.h"

#include <unistd.h>

#include "core/error.h"

namespace agent_secrets {
namespace {

// Nothing needs to be undone: no value is in a file, and the kernel frees the memory.
extern "C" void end_at_once(int signal_number) { ::_exit(128 + signal_number); }

void catch_unless_ignored(int signal_number) {
  struct sigaction before{};
  AGENT_SECRETS_ASSERT(::sigaction(signal_number, nullptr, &before) == 0);
  if (before.sa_handler == SIG_IGN) return;
  struct sigaction action{};
  action.sa_handler = end_at_once;
  AGENT_SECRETS_ASSERT(::sigaction(signal_number, &action, nullptr) == 0);
}

}  // namespace

Signals::Signals() {
  for (const int signal_number : {SIGTERM, SIGINT, SIGHUP}) catch_unless_ignored(signal_number);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  AGENT_SECRETS_ASSERT(::sigaction(SIGPIPE, &ignore, &pipe_before_) == 0);
}

void Signals::restore_for_exec() const {
  AGENT_SECRETS_ASSERT(::sigaction(SIGPIPE, &pipe_before_, nullptr) == 0);
}

}  // namespace agent_secrets
