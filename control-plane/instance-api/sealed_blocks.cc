#include "control-plane/instance-api/sealed_blocks.h"

#include <algorithm>
#include <utility>

#include <sodium.h>

#include "core/encoding.h"
#include "core/error.h"

namespace agent_secrets::control_plane {
namespace {

// An estimate of what an entry takes besides its text.
constexpr std::size_t kEntryBytes = 256;

std::size_t size_of(const SealedBlocks::Block& block) { return block->size() + kEntryBytes; }

// Each text is prefixed with its length, so two different inputs never have the same bytes.
class Hash {
 public:
  Hash() {
    const int status = crypto_generichash_init(&state_, nullptr, 0, sizeof(SealedBlocks::Key));
    AGENT_SECRETS_ASSERT(status == 0);
  }
  Hash& add(std::int64_t number) {
    crypto_generichash_update(&state_, reinterpret_cast<const std::uint8_t*>(&number),
                              sizeof number);
    return *this;
  }
  Hash& add(std::span<const std::uint8_t> bytes) {
    add(std::ssize(bytes));
    crypto_generichash_update(&state_, bytes.data(), bytes.size());
    return *this;
  }
  SealedBlocks::Key end() {
    SealedBlocks::Key key{};
    const int status = crypto_generichash_final(&state_, key.data(), key.size());
    AGENT_SECRETS_ASSERT(status == 0);
    return key;
  }

 private:
  crypto_generichash_state state_{};
};

}  // namespace

SealedBlocks::Key SealedBlocks::key_of(const AgentCredentialRecord& credential,
                                       const AgentSnapshot& agent,
                                       std::span<const StampedVersion> versions) {
  Hash hash;
  hash.add(as_bytes(credential.kid)).add(credential.keys.box).add(agent.sequence);
  for (const PinnedSet& pin : agent.sets) {
    hash.add(pin.organization_id).add(pin.set_id).add(pin.version);
    const auto stored = std::ranges::find_if(versions, [&](const StampedVersion& version) {
      return version.set_id == pin.set_id && version.version == pin.version;
    });
    const bool is_stored = stored != versions.end();
    hash.add(is_stored ? 1 : 0).add(is_stored ? stored->stamp : 0);
  }
  return hash.end();
}

SealedBlocks::Block SealedBlocks::find(const Key& key) {
  const std::scoped_lock lock(mutex_);
  const auto place = places_.find(key);
  if (place == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, place->second);
  return place->second->block;
}

void SealedBlocks::keep(const Key& key, Block block) {
  const std::size_t size = size_of(block);
  if (size > bytes_max_ / 4) return;
  const std::scoped_lock lock(mutex_);
  if (places_.contains(key)) return;  // another request of the credential was faster
  while (bytes_ + size > bytes_max_) drop_oldest();
  entries_.push_front({.key = key, .block = std::move(block)});
  places_.emplace(key, entries_.begin());
  bytes_ += size;
}

void SealedBlocks::drop_oldest() {
  bytes_ -= size_of(entries_.back().block);
  places_.erase(entries_.back().key);
  entries_.pop_back();
}

std::size_t SealedBlocks::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

}  // namespace agent_secrets::control_plane
