#include "injector/exec.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "injector/command_search.h"
#include "injector/environment.h"

namespace agent_secrets {
namespace {

// The hint for a file that exists and cannot be executed.
std::string hint_for_access(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return "let this user enter the directories that lead there";
  }
  if (S_ISDIR(status.st_mode)) return "it is a directory: name a program";
  if ((status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) return "give it execute permission";
  return "look at its owner, at its interpreter, and whether its file system is mounted noexec";
}

std::string hint_for_format(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  std::array<char, 4> start{};
  const ssize_t size = ::read(file.get(), start.data(), start.size());
  if (size == 4 && std::string_view(start.data(), 4) ==
                       "\x7f"
                       "ELF") {
    return "it is a program for another kind of machine: check the image's platform";
  }
  return "add a first line such as #!/bin/sh if it is a script";
}

std::string hint_for(const FailedExec& failed) {
  switch (failed.error_number) {
    case ENOENT:
      return failed.path.empty()
                 ? "check the command's name, and PATH"
                 : "the file is there, but the interpreter or loader that it names is not (a first "
                   "line that ends in CR LF does that too)";
    case EACCES:
      return hint_for_access(failed.path);
    case ENOEXEC:
      return hint_for_format(failed.path);
    case ENOTDIR:
      return "a part of the path is a file, not a directory";
    case ELOOP:
      return "its symbolic links, or the interpreters of its scripts, lead in a circle";
    case ETXTBSY:
      return "something still has it open for writing: start it when it is written";
    case E2BIG:
      return "make the arguments or the environment smaller, or raise the stack limit (ulimit -s)";
    case EAGAIN:
      return "its user has more processes than RLIMIT_NPROC allows";
    default:
      return {};
  }
}

// -1 for "." and "..".
int number_of(const char* name) {
  int number = 0;
  for (; *name != '\0'; ++name) {
    if (*name < '0' || *name > '9') return -1;
    number = number * 10 + (*name - '0');
  }
  return number;
}

// Closes the descriptors between the kept descriptors, and all after the last of them.
bool close_ranges(int first, std::span<const int> kept) {
  for (const int fd : kept) {
    if (fd < first) continue;
    if (fd > first &&
        ::close_range(static_cast<unsigned>(first), static_cast<unsigned>(fd - 1), 0) != 0) {
      return false;
    }
    first = fd + 1;
  }
  return ::close_range(static_cast<unsigned>(first), ~0U, 0) == 0;
}

}  // namespace

bool close_listed_from(int first, std::span<const int> kept) {
  const UniqueFd list(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!list.is_open()) return false;
  alignas(dirent64) std::array<char, 4096> entries{};
  for (;;) {
    const long size = ::syscall(SYS_getdents64, list.get(), entries.data(), entries.size());
    if (size <= 0) return size == 0;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + at);
      at += entry->d_reclen;
      const int fd = number_of(entry->d_name);
      if (fd < first || fd == list.get() || std::ranges::binary_search(kept, fd)) continue;
      ::close(fd);
    }
  }
}

void close_from(int first, std::span<const int> kept) {
  AGENT_SECRETS_ASSERT(first >= 0);
  if (close_ranges(first, kept)) return;
  // close_range(2) fails before Linux 5.9, and under a seccomp filter without it.
  if (close_listed_from(first, kept)) return;
  rlimit files{};
  AGENT_SECRETS_ASSERT(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  const rlim_t end = std::min<rlim_t>(files.rlim_cur, std::numeric_limits<int>::max());
  for (int fd = first; fd < static_cast<int>(end); ++fd) {
    if (!std::ranges::binary_search(kept, fd)) ::close(fd);
  }
}

ExecFailure exec_command(const std::vector<std::string>& command, std::vector<char*>& environment,
                         const Signals& signals) {
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  // execve's signature is older than const; it does not write (exec(3p)).
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const auto candidates = command_candidates(command[0], find_variable(environment.data(), "PATH"));

  signals.restore_for_exec();
  const FailedExec failed = exec_first(candidates, argv.data(), environment.data());
  Signals::take_back();

  // The message has the path at which the search ended.
  const bool is_elsewhere = !failed.path.empty() && failed.path != command[0];
  const std::string what =
      is_elsewhere ? fmt::format("{} ({})", command[0], failed.path) : command[0];
  return {
      .exit_code = failed.error_number == ENOENT ? kExitNotFound : kExitNotExecutable,
      .error = {.code = ErrorCode::failed,
                .message = fmt::format("exec: {}: {}", what, errno_message(failed.error_number)),
                .hint = hint_for(failed)}};
}

}  // namespace agent_secrets
