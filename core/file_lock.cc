#include "core/file_lock.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>

namespace agent_secrets {
namespace {

struct flock whole_file(short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

// Uses a lock of the open file if the kernel has such locks (Linux 3.15; not in every sandbox),
// otherwise a lock of the process.
int control(int fd, int of_open_file, int of_process, struct flock& lock) {
  const int done = ::fcntl(fd, of_open_file, &lock);
  return done != 0 && errno == EINVAL ? ::fcntl(fd, of_process, &lock) : done;
}

}  // namespace

Result<void> take_life_lock(int fd) {
  struct flock lock = whole_file(F_WRLCK);
  if (control(fd, F_OFD_SETLK, F_SETLK, lock) == 0) return {};
  const bool is_held = errno == EACCES || errno == EAGAIN;
  return fail(is_held ? ErrorCode::conflict : ErrorCode::failed,
              fmt::format("lock: {}", errno_message(errno)));
}

Result<bool> is_life_locked(int fd) {
  // Tests for a read lock, because only a write lock of another process conflicts with it.
  struct flock lock = whole_file(F_RDLCK);
  if (control(fd, F_OFD_GETLK, F_GETLK, lock) != 0) {
    return fail(ErrorCode::failed, fmt::format("look at a lock: {}", errno_message(errno)));
  }
  return lock.l_type != F_UNLCK;
}

}  // namespace agent_secrets
