#include "control-plane/keys/master_key.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>

#include "control-plane/keys/aead.h"
#include "control-plane/keys/key_command.h"
#include "control-plane/keys/key_file.h"
#include "core/encoding.h"
#include "core/limits.h"
#include "core/write_file.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kTextSize = 43;  // base64url of 32 bytes

AssociatedData wrapping_context(std::string_view key_id, std::string_view purpose) {
  AssociatedData data;
  data.add("agent-secrets wrapped key v1").add(key_id).add(purpose);
  return data;
}

std::unexpected<Error> refuse_text(std::string_view source) {
  return fail(ErrorCode::invalid,
              fmt::format("{}: not a master key (base64url of 32 bytes)", source));
}

Result<SecretBuffer> parse_key(std::string_view text, std::string_view source) {
  auto key = base64url_decode_secret(text);
  if (!key || key->size() != kAeadKeySize) return refuse_text(source);
  return std::move(*key);
}

// Returns the key as one line of base64url, in guarded memory.
SecretBuffer key_text(const SecretBuffer& key) {
  SecretBuffer line(kTextSize + 1);
  const SecretBuffer text = base64url_encode_secret(key.expose());
  std::ranges::copy(text.expose(), line.expose().begin());
  line.expose()[kTextSize] = '\n';
  return line;
}

// A key of its own for the codes, because no key should have two uses.
SecretBuffer derive_code_key(const SecretBuffer& master) {
  constexpr const char* kContext = "keycodes";
  static_assert(kAeadKeySize == crypto_kdf_KEYBYTES);
  SecretBuffer key(kAuthorityKeySize);
  const auto bytes = key.expose();
  const int failed =
      crypto_kdf_derive_from_key(bytes.data(), bytes.size(), 1, kContext, master.expose().data());
  AGENT_SECRETS_ASSERT(failed == 0);
  return key;
}

std::string directory_of(const std::string& path) {
  auto directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

Result<SecretBuffer> read_file(const std::string& path) {
  auto text = read_key_file(path, "the master key", kTextSize);
  if (text) return parse_key(text->expose_text(), path);
  if (text.error().code == ErrorCode::too_large) return refuse_text(path);
  if (text.error().code == ErrorCode::failed) {
    text.error().hint =
        "create one with secret-control-plane init, or set AGENT_SECRETS_MASTER_KEY";
  }
  return propagate(text);
}

Result<SecretBuffer> run_command(const std::string& command) {
  constexpr std::string_view kOutput = "the output of the command";
  auto text = run_key_command(command, kTextSize);
  if (text) return parse_key(text->expose_text(), kOutput);
  if (text.error().code == ErrorCode::too_large) return refuse_text(kOutput);
  return text;
}

// What differs when another file is in the place of this one, or when its content is written anew.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  std::int64_t changed_s = 0;
  std::int64_t changed_ns = 0;

  bool operator==(const FileIdentity&) const = default;
};

// Nothing if there is no such file.
std::optional<FileIdentity> identify(const std::string& path) {
  struct stat found{};
  if (path.empty() || ::stat(path.c_str(), &found) != 0) return std::nullopt;
  return FileIdentity{.device = found.st_dev,
                      .inode = found.st_ino,
                      .changed_s = found.st_ctim.tv_sec,
                      .changed_ns = found.st_ctim.tv_nsec};
}

// Reads a file or runs a command; an error for a source that has neither.
Result<SecretBuffer> read_again(const MasterKeySource& source) {
  return source.command.empty() ? read_file(source.file) : run_command(source.command);
}

}  // namespace

// The keys that open, the current one first.
class MasterKey::Keys {
 public:
  // `source` has neither a file nor a command if the key cannot be read again.
  Keys(std::shared_ptr<const SecretBuffer> key, MasterKeySource source)
      : keys_{std::move(key)}, source_(std::move(source)) {}

  [[nodiscard]] std::shared_ptr<Keys> with(const Keys& previous) const {
    auto both = std::make_shared<Keys>(current(), source_);
    both->keys_.push_back(previous.current());
    return both;
  }
  [[nodiscard]] std::shared_ptr<const SecretBuffer> current() const {
    const std::scoped_lock lock(mutex_);
    return keys_.front();
  }
  [[nodiscard]] std::vector<SecretBuffer> code_keys() const {
    const std::scoped_lock lock(mutex_);
    std::vector<SecretBuffer> derived;
    derived.reserve(keys_.size());
    for (const auto& key : keys_) derived.push_back(derive_code_key(*key));
    return derived;
  }
  std::optional<SecretBuffer> open(const AssociatedData& context,
                                   std::span<const std::uint8_t> box) {
    const std::scoped_lock lock(mutex_);
    for (const auto& key : keys_) {
      if (auto opened = aead_open(*key, context, box)) return opened;
    }
    return open_with_new_key(context, box);
  }

 private:
  // The key that is read becomes the current one only if it opens the box, so another file in the
  // place of the right one changes nothing.
  std::optional<SecretBuffer> open_with_new_key(const AssociatedData& context,
                                                std::span<const std::uint8_t> box) {
    if (source_.file.empty() && source_.command.empty()) return std::nullopt;
    const auto now = std::chrono::steady_clock::now();
    const auto file = source_.command.empty() ? identify(source_.file) : std::nullopt;
    if (now < next_read_ && file == read_file_) return std::nullopt;
    next_read_ = now + limits::kMasterKeyReread;
    read_file_ = file;
    auto key = read_again(source_);
    if (!key) return std::nullopt;
    auto opened = aead_open(*key, context, box);
    if (opened) keys_.insert(keys_.begin(), std::make_shared<SecretBuffer>(std::move(*key)));
    return opened;
  }

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const SecretBuffer>> keys_;
  const MasterKeySource source_;
  std::chrono::steady_clock::time_point next_read_;
  std::optional<FileIdentity> read_file_;  // that was read last
};

// The rows are the catalog's, so they are noted as rows of the catalog's authority.
MasterKey::MasterKey(std::shared_ptr<Keys> keys)
    : keys_(std::move(keys)),
      refused_(std::make_shared<RefusedRows>(std::string(kCatalogAuthority))) {}

Result<MasterKey> MasterKey::create_file(const std::string& path) {
  auto key = std::make_shared<SecretBuffer>(kAeadKeySize);
  randombytes_buf(key->expose().data(), key->size());
  const SecretBuffer text = key_text(*key);
  if (auto ok = create_private_file(path, text.expose_text()); !ok) return propagate(ok);
  if (auto ok = sync_directory(directory_of(path)); !ok) return propagate(ok);
  return MasterKey(std::make_shared<Keys>(std::move(key), MasterKeySource{.file = path}));
}

Result<MasterKey> MasterKey::load(const std::string& path) {
  return load(MasterKeySource{.file = path, .variable = kMasterKeyVariable});
}

Result<MasterKey> MasterKey::load(const MasterKeySource& source) {
  std::optional<SecretBuffer> variable;
  if (source.variable != nullptr) variable = take_key_variable(source.variable);
  const bool is_variable = variable && source.command.empty();
  auto key = is_variable ? parse_key(variable->expose_text(), source.variable) : read_again(source);
  if (!key) return propagate(key);
  return MasterKey(std::make_shared<Keys>(std::make_shared<SecretBuffer>(std::move(*key)),
                                          is_variable ? MasterKeySource() : source));
}

MasterKey MasterKey::with_previous(const MasterKey& previous) const {
  MasterKey both(keys_->with(*previous.keys_));
  both.uncoded_ = uncoded_;
  return both;
}

MasterKey MasterKey::accepting_uncoded_rows() const {
  MasterKey copy = *this;
  copy.uncoded_ = UncodedRows::accepted;
  return copy;
}

std::vector<std::uint8_t> MasterKey::wrap(std::string_view key_id, std::string_view purpose,
                                          const SecretBuffer& key) const {
  return aead_seal(*keys_->current(), wrapping_context(key_id, purpose), key);
}

Result<SecretBuffer> MasterKey::unwrap(std::string_view key_id, std::string_view purpose,
                                       std::span<const std::uint8_t> wrapped) const {
  auto key = keys_->open(wrapping_context(key_id, purpose), wrapped);
  if (!key) {
    return fail(ErrorCode::untrusted,
                fmt::format("the master key does not open key {} ({})", key_id, purpose),
                "use the master key of this catalog, after a rotation the new one; to begin a "
                "rotation, name the old one too: --previous-master-key-file");
  }
  return std::move(*key);
}

Authority MasterKey::key_codes() const { return {"keys", keys_->code_keys(), uncoded_, refused_}; }

bool MasterKey::has_wrapped(std::string_view key_id, std::string_view purpose,
                            std::span<const std::uint8_t> wrapped) const {
  return aead_open(*keys_->current(), wrapping_context(key_id, purpose), wrapped).has_value();
}

}  // namespace agent_secrets::control_plane
