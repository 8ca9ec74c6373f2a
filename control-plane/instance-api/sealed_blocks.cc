#include "control-plane/instance-api/sealed_blocks.h"

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <sodium.h>

#include "core/encoding.h"
#include "core/error.h"

namespace agent_secrets::control_plane {
namespace {

// An estimate of what an entry takes besides its text.
constexpr std::size_t kEntryBytes = 256;

std::size_t size_of(const SealedBlocks::Block& block) { return block->size() + kEntryBytes; }

// Each part is prefixed with its length, and each list with its number of elements, so two
// different inputs never have the same text.
class KeyText {
 public:
  KeyText& add(std::int64_t number) {
    text_.append(reinterpret_cast<const char*>(&number), sizeof number);
    return *this;
  }
  KeyText& add(std::string_view part) {
    add(std::ssize(part));
    text_.append(part);
    return *this;
  }
  KeyText& add(std::span<const std::uint8_t> part) { return add(as_text(part)); }

  void reserve(std::size_t bytes) { text_.reserve(bytes); }

  [[nodiscard]] SealedBlocks::Key hash() const {
    SealedBlocks::Key key{};
    const auto bytes = as_bytes(text_);
    const int status =
        crypto_generichash(key.data(), key.size(), bytes.data(), bytes.size(), nullptr, 0);
    AGENT_SECRETS_ASSERT(status == 0);
    return key;
  }

 private:
  std::string text_;
};

// Estimates, so that the text grows without being copied.
constexpr std::size_t kFactsBytes = 512;
constexpr std::size_t kValueBytes = 128;  // besides the ciphertext

std::size_t bytes_of(const std::vector<BundleParts::Set>& sets) {
  std::size_t bytes = 0;
  for (const BundleParts::Set& set : sets) {
    for (const BundleParts::Value& value : set.values) {
      bytes += value.sealed.box.size() + kValueBytes;
    }
  }
  return bytes;
}

void add_pins(KeyText& text, const AgentSnapshot& agent) {
  text.add(std::ssize(agent.sets));
  for (const PinnedSet& pin : agent.sets) {
    text.add(pin.organization_id).add(pin.set_id).add(pin.version);
  }
}

void add_stored(KeyText& text, const BundleParts::Set& set) {
  text.add(set.organization_id).add(set.set_id).add(set.version).add(std::ssize(set.values));
  for (const BundleParts::Value& value : set.values) {
    text.add(value.key).add(value.written_by).add(value.sealed.key_id).add(value.sealed.box);
  }
}

}  // namespace

SealedBlocks::Key SealedBlocks::key_of(const BundleParts& parts) {
  const AgentCredentialRecord& credential = parts.owner.credential;
  KeyText text;
  text.reserve(kFactsBytes + bytes_of(parts.sets));
  text.add(credential.kid).add(credential.keys.box).add(parts.agent->sequence);
  add_pins(text, *parts.agent);
  text.add(std::ssize(parts.sets));
  for (const BundleParts::Set& set : parts.sets) add_stored(text, set);
  return text.hash();
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
