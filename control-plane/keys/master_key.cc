#include "control-plane/keys/master_key.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control-plane/keys/aead.h"
#include "core/encoding.h"
#include "core/unique_fd.h"
#include "core/write_file.h"

namespace agent_secrets::control_plane {
namespace {

constexpr const char* kVariable = "AGENT_SECRETS_MASTER_KEY";
constexpr std::size_t kTextSize = 43;  // base64url of 32 bytes

std::unexpected<Error> system_failure(std::string_view verb, const std::string& path) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", verb, path, errno_message(errno)));
}

AssociatedData wrapping_context(std::string_view key_id, std::string_view purpose) {
  AssociatedData data;
  data.add("agent-secrets wrapped key v1").add(key_id).add(purpose);
  return data;
}

Result<SecretBuffer> parse_key(std::string_view text, std::string_view source) {
  auto key = base64url_decode_secret(text);
  if (!key || key->size() != kAeadKeySize) {
    return fail(ErrorCode::invalid,
                fmt::format("{}: not a master key (base64url of 32 bytes)", source));
  }
  return std::move(*key);
}

// The text of a key in guarded memory: base64url by libsodium, which works in constant time.
SecretBuffer key_text(const SecretBuffer& key) {
  SecretBuffer text(kTextSize + 1);
  sodium_bin2base64(reinterpret_cast<char*>(text.expose().data()), text.size(), key.expose().data(),
                    key.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.expose()[kTextSize] = '\n';
  return text;
}

std::string directory_of(const std::string& path) {
  auto directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

Result<void> check_private(int fd, const std::string& path) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return system_failure("stat", path);
  if (!S_ISREG(facts.st_mode)) return fail(ErrorCode::invalid, path + ": not a regular file");
  if ((facts.st_mode & 077) != 0) {
    return fail(ErrorCode::invalid, path + ": group or others may read the master key",
                fmt::format("run chmod 600 {}", path));
  }
  return {};
}

Result<SecretBuffer> read_key_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) {
    auto error = system_failure("open master key", path);
    error.error().hint =
        "create one with secret-control-plane init, or set AGENT_SECRETS_MASTER_KEY";
    return error;
  }
  if (auto ok = check_private(file.get(), path); !ok) return propagate(ok);
  SecretBuffer text(kTextSize + 2);
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.expose().data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("read", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  std::string_view line = text.expose_text().substr(0, size);
  if (line.ends_with('\n')) line.remove_suffix(1);
  return parse_key(line, path);
}

}  // namespace

MasterKey::MasterKey(SecretBuffer key) : key_(std::move(key)) {}

Result<MasterKey> MasterKey::create_file(const std::string& path) {
  SecretBuffer key(kAeadKeySize);
  randombytes_buf(key.expose().data(), key.size());
  const SecretBuffer text = key_text(key);
  if (auto ok = create_private_file(path, text.expose_text()); !ok) return propagate(ok);
  if (auto ok = sync_directory(directory_of(path)); !ok) return propagate(ok);
  return MasterKey(std::move(key));
}

Result<MasterKey> MasterKey::load(const std::string& path) {
  // No other thread uses the environment: commands load the key before they start a thread.
  char* variable = std::getenv(kVariable);  // NOLINT(concurrency-mt-unsafe): see above
  auto key = variable == nullptr ? read_key_file(path) : parse_key(variable, kVariable);
  if (variable != nullptr) {
    wipe_memory(variable, std::strlen(variable));
    ::unsetenv(kVariable);  // NOLINT(concurrency-mt-unsafe): see above
  }
  if (!key) return propagate(key);
  return MasterKey(std::move(*key));
}

std::vector<std::uint8_t> MasterKey::wrap(std::string_view key_id, std::string_view purpose,
                                          const SecretBuffer& key) const {
  return aead_seal(key_, wrapping_context(key_id, purpose), key);
}

Result<SecretBuffer> MasterKey::unwrap(std::string_view key_id, std::string_view purpose,
                                       std::span<const std::uint8_t> wrapped) const {
  auto key = aead_open(key_, wrapping_context(key_id, purpose), wrapped);
  if (!key) {
    return fail(ErrorCode::untrusted,
                fmt::format("the master key does not open key {} ({})", key_id, purpose),
                "use the master key that this catalog was created with");
  }
  return std::move(*key);
}

}  // namespace agent_secrets::control_plane
