#include "control-plane/keys/key_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/unique_fd.h"

namespace agent_secrets::control_plane {
namespace {

std::unexpected<Error> system_failure(std::string_view verb, const std::string& path) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", verb, path, errno_message(errno)));
}

Result<void> check_private(int fd, const std::string& path, std::string_view key) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return system_failure("stat", path);
  if (!S_ISREG(facts.st_mode)) return fail(ErrorCode::invalid, path + ": not a regular file");
  if ((facts.st_mode & 077) == 0) return {};
  return fail(ErrorCode::invalid, fmt::format("{}: group or others may read {}", path, key),
              fmt::format("run chmod 600 {}", path));
}

// Reads to the end of the file, or until the buffer is full. Returns the number of bytes.
Result<std::size_t> read_into(SecretBuffer& text, int fd, const std::string& path) {
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd, text.expose().data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("read", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

// Null if the variable is not set, or empty.
char* find_variable(const char* name) {
  char* const variable = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): see the header
  return variable == nullptr || *variable == '\0' ? nullptr : variable;
}

}  // namespace

Result<SecretBuffer> read_key_file(const std::string& path, std::string_view key,
                                   std::size_t max_size) {
  // Opening a FIFO would wait for its writer.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return system_failure(fmt::format("open {}", key), path);
  if (auto ok = check_private(file.get(), path, key); !ok) return propagate(ok);
  SecretBuffer text(max_size + 2);  // room for a newline, and for one byte too many
  auto size = read_into(text, file.get(), path);
  if (!size) return propagate(size);
  text.truncate(*size);
  if (text.expose_text().ends_with('\n')) text.truncate(text.size() - 1);
  if (text.size() <= max_size) return text;
  return fail(ErrorCode::too_large, fmt::format("{}: longer than {} bytes", path, max_size));
}

bool has_key_variable(const char* name) { return find_variable(name) != nullptr; }

std::optional<SecretBuffer> take_key_variable(const char* name) {
  char* const variable = find_variable(name);
  if (variable == nullptr) return std::nullopt;
  SecretBuffer text = SecretBuffer::copy_of(std::string_view(variable));
  wipe_memory(variable, std::strlen(variable));
  ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): see the header
  return text;
}

}  // namespace agent_secrets::control_plane
