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

struct sigaction ignore_pipe() {
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  struct sigaction before{};
  AGENT_SECRETS_ASSERT(::sigaction(SIGPIPE, &ignore, &before) == 0);
  return before;
}

}  // namespace

Signals::Signals() : pipe_before_(ignore_pipe()) {
  for (const int signal_number : {SIGTERM, SIGINT, SIGHUP}) catch_unless_ignored(signal_number);
}

void Signals::restore_for_exec() const {
  AGENT_SECRETS_ASSERT(::sigaction(SIGPIPE, &pipe_before_, nullptr) == 0);
}

void Signals::take_back() { ignore_pipe(); }

}  // namespace agent_secrets
