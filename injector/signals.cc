#include "injector/signals.h"

#include <cstddef>

#include <unistd.h>

#include "core/error.h"

namespace agent_secrets {
namespace {

// No cleanup is needed: no value is in a file, and the kernel frees the memory.
extern "C" void end_at_once(int signal_number) { ::_exit(128 + signal_number); }

void catch_unless_ignored(int signal_number) {
  struct sigaction before{};
  AGENT_SECRETS_ASSERT(::sigaction(signal_number, nullptr, &before) == 0);
  if (before.sa_handler == SIG_IGN) return;
  struct sigaction action{};
  action.sa_handler = end_at_once;
  AGENT_SECRETS_ASSERT(::sigaction(signal_number, &action, nullptr) == 0);
}

struct sigaction ignore(int signal_number) {
  struct sigaction ignoring{};
  ignoring.sa_handler = SIG_IGN;
  struct sigaction before{};
  AGENT_SECRETS_ASSERT(::sigaction(signal_number, &ignoring, &before) == 0);
  return before;
}

}  // namespace

Signals::Signals() {
  for (std::size_t i = 0; i < kIgnored.size(); ++i) before_[i] = ignore(kIgnored[i]);
  for (const int signal_number : {SIGTERM, SIGINT, SIGHUP}) catch_unless_ignored(signal_number);
}

void Signals::restore_for_exec() const {
  for (std::size_t i = 0; i < kIgnored.size(); ++i) {
    AGENT_SECRETS_ASSERT(::sigaction(kIgnored[i], &before_[i], nullptr) == 0);
  }
}

void Signals::take_back() {
  for (const int signal_number : kIgnored) ignore(signal_number);
}

}  // namespace agent_secrets
