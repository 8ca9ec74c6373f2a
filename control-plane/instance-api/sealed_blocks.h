#pragma once
// Sealed blocks of bundles, kept for the next request of the same credential. To make a block, a
// server decrypts every value of the pinned sets and seals them to the credential's key, which
// takes more processor time than all other work of the request. A block is ciphertext to its
// recipient, so no secret is kept.
//
// A block is found by a hash of the facts that it was made from: the credential, the agent's
// sequence, the pins, and the stamp of each pinned version. The store changes the stamp of a
// version whenever it writes or encrypts the values again (StampedVersion in
// region/region_store.h), so an outdated block is never found. For each request the proof is still
// verified, the facts are read from the store, and the bundle is signed anew.
//
// At most `bytes_max` bytes are kept for all regions. The least recently used block is dropped
// first. A block larger than a quarter of `bytes_max` is not kept.
//
// Threads: safe from several.

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "control-plane/region/region_store.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {

class SealedBlocks {
 public:
  using Key = std::array<std::uint8_t, 32>;
  using Block = std::shared_ptr<const std::string>;  // as seal_environment() returns it

  explicit SealedBlocks(std::size_t bytes_max = limits::kSealedBlocks) : bytes_max_(bytes_max) {}

  // `versions`: the pinned versions that the store has, in any order.
  static Key key_of(const AgentCredentialRecord& credential, const AgentSnapshot& agent,
                    std::span<const StampedVersion> versions);
  Block find(const Key& key);  // null: not kept
  void keep(const Key& key, Block block);
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Entry {
    Key key;
    Block block;
  };
  void drop_oldest();

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;  // the last used one first
  std::map<Key, std::list<Entry>::iterator> places_;
};

}  // namespace agent_secrets::control_plane
