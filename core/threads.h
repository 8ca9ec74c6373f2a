#pragma once
// Makes a thread, or returns an Error with the reason. The constructors of std::thread and
// std::jthread throw if the kernel refuses: under a seccomp profile without clone3 (EPERM), and at
// a limit of processes, of threads or of memory (EAGAIN). An exception that main() does not catch
// ends a program by abort(), with exit code 134 and the word "terminate".
//
// Source: pthread_create(3); clone(2), EPERM and EAGAIN.

#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "core/error.h"

namespace agent_secrets {

// "make a thread for PURPOSE: operation not permitted", with a hint about the possible reasons.
Error no_thread(std::string_view purpose, const std::error_code& cause);

// `Thread` is std::thread or std::jthread; a jthread's function may take a std::stop_token.
template <typename Thread, typename Function>
Result<Thread> start_thread(std::string_view purpose, Function&& function) {
  try {
    return Thread(std::forward<Function>(function));
  } catch (const std::system_error& error) {
    return std::unexpected(no_thread(purpose, error.code()));
  }
}

// The reason why this process cannot make a thread now; nothing if it can (the test thread ends at
// once).
std::optional<Error> find_thread_refusal(std::string_view purpose);

}  // namespace agent_secrets
