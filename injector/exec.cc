#include "injector/exec.h"

#include <array>
#include <cerrno>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/unique_fd.h"

namespace agent_secrets {
namespace {

std::string hint_for(int error_number, const std::string& file) {
  if (error_number == ENOENT && file.find('/') == std::string::npos) {
    return "check the command's name, and PATH in the image";
  }
  // The kernel says ENOENT for the file itself and for its interpreter alike.
  if (error_number == ENOENT && ::access(file.c_str(), F_OK) == 0) {
    return "the file is there, but the interpreter or loader that it names is not";
  }
  if (error_number == EACCES) return "give it execute permission";
  return {};
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

}  // namespace

bool close_listed_from(int first) {
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
      if (fd >= first && fd != list.get()) ::close(fd);
    }
  }
}

void close_from(int first) {
  if (::close_range(static_cast<unsigned>(first), ~0U, 0) == 0) return;
  // Before Linux 5.9, or under a seccomp filter that does not know it.
  if (close_listed_from(first)) return;
  rlimit files{};
  AGENT_SECRETS_ASSERT(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  for (rlim_t fd = static_cast<rlim_t>(first); fd < files.rlim_cur; ++fd) {
    ::close(static_cast<int>(fd));
  }
}

ExecFailure exec_command(const std::vector<std::string>& command, std::vector<char*>& environment,
                         const Signals& signals) {
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  // execve's signature is older than const; it does not write (exec(3p)).
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  close_from(3);
  char** const image = ::environ;
  ::environ = environment.data();  // execvp searches the PATH of this one
  signals.restore_for_exec();
  ::execvp(argv[0], argv.data());

  const int error_number = errno;
  ::environ = image;  // the libraries' exit handlers outlive `environment`
  return {.exit_code = error_number == ENOENT ? kExitNotFound : kExitNotExecutable,
          .error = {.code = ErrorCode::failed,
                    .message = fmt::format("exec {}: {}", command[0], errno_message(error_number)),
                    .hint = hint_for(error_number, command[0])}};
}

}  // namespace agent_secrets
