#include "injector/file.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/unique_fd.h"

namespace agent_secrets {
namespace {

// read(2) until the buffer is full or the file ends.
Result<std::size_t> fill(int fd, std::span<std::uint8_t> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t count = ::read(fd, buffer.data() + filled, buffer.size() - filled);
    if (count == 0) break;
    if (count > 0) {
      filled += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      return fail(ErrorCode::failed, errno_message(errno));
    }
  }
  return filled;
}

}  // namespace

Result<SecretFile> read_descriptor(int fd, const std::string& path, std::size_t limit,
                                   SecretSlab* slab) {
  SecretFile file;
  if (::fstat(fd, &file.status) != 0) {
    return fail(ErrorCode::failed, fmt::format("stat {}: {}", path, errno_message(errno)));
  }
  const auto size = static_cast<std::size_t>(file.status.st_size);
  // Files of /proc and of some network file systems have the size 0 and nevertheless content.
  const bool has_size = S_ISREG(file.status.st_mode) && size > 0;
  if (has_size && size > limit) {
    return fail(ErrorCode::too_large, fmt::format("{}: more than {} bytes", path, limit));
  }
  // One byte more than the size, to notice a file that is longer.
  file.text = take_or_allocate(slab, has_size ? size + 1 : limit + 1);
  auto filled = fill(fd, file.text.expose());
  if (!filled) return propagate(filled, fmt::format("read {}", path));
  if (*filled > limit) {
    return fail(ErrorCode::too_large, fmt::format("{}: more than {} bytes", path, limit));
  }
  if (has_size && *filled > size) {
    return fail(ErrorCode::failed, fmt::format("read {}: it grew meanwhile", path));
  }
  file.text.truncate(*filled);
  return file;
}

Result<SecretFile> read_file(const std::string& path, std::size_t limit, SecretSlab* slab) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd.is_open()) {
    const int error_number = errno;
    return fail(error_number == ENOENT ? ErrorCode::not_found : ErrorCode::failed,
                fmt::format("open {}: {}", path, errno_message(error_number)));
  }
  return read_descriptor(fd.get(), path, limit, slab);
}

}  // namespace agent_secrets
