#include "injector/command_search.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

namespace agent_secrets {
namespace {

// exec(3) continues after EACCES, ENOENT and ENOTDIR; glibc also after three errors of network file
// systems.
bool means_look_further(int error_number) {
  return error_number == EACCES || error_number == ENOENT || error_number == ENOTDIR ||
         error_number == ESTALE || error_number == ENODEV || error_number == ETIMEDOUT;
}

std::string first_that_exists(const std::vector<std::string>& paths) {
  const auto found = std::ranges::find_if(
      paths, [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; });
  return found == paths.end() ? std::string() : *found;
}

}  // namespace

std::vector<std::string> command_candidates(const std::string& command, const char* search_path) {
  if (command.empty()) return {};
  if (command.find('/') != std::string::npos) return {command};
  std::vector<std::string> candidates;
  std::string_view rest = search_path == nullptr ? "/usr/local/bin:/bin:/usr/bin" : search_path;
  for (;;) {
    const std::size_t colon = rest.find(':');
    const std::string_view directory = rest.substr(0, colon);
    candidates.push_back(directory.empty() ? command : fmt::format("{}/{}", directory, command));
    if (colon == std::string_view::npos) return candidates;
    rest.remove_prefix(colon + 1);
  }
}

FailedExec exec_first(const std::vector<std::string>& candidates, char* const* argv,
                      char* const* envp) {
  FailedExec failed{.error_number = ENOENT, .path = {}};
  for (const std::string& path : candidates) {
    ::execve(path.c_str(), argv, envp);
    const int error_number = errno;
    // A single candidate is no search: its own error is reported.
    if (!means_look_further(error_number) || candidates.size() == 1) {
      failed = {.error_number = error_number, .path = path};
      break;
    }
    if (error_number == EACCES && failed.error_number != EACCES) {
      failed = {.error_number = EACCES, .path = path};
    }
  }
  if (failed.error_number == ENOENT) failed.path = first_that_exists(candidates);
  return failed;
}

}  // namespace agent_secrets
