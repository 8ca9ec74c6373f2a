#include "core/secret_pool.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include <sodium.h>

#include "core/error.h"
#include "core/limits.h"

namespace agent_secrets {
namespace {

constexpr std::size_t kPage = 4096;
// sodium_malloc puts 16 bytes of its own before an allocation, and rounds both up to whole pages.
constexpr std::size_t kOwnBytes = 16;

constexpr std::size_t capacity(std::size_t size_class) { return (kPage << size_class) - kOwnBytes; }
// With the page in which sodium_malloc keeps the size.
constexpr std::size_t footprint(std::size_t size_class) { return (kPage << size_class) + kPage; }

std::uint8_t* allocate(std::size_t size) {
  auto* const memory = static_cast<std::uint8_t*>(sodium_malloc(size));
  AGENT_SECRETS_ASSERT(memory != nullptr);
  std::memset(memory, 0, size);
  return memory;
}

// Read by every thread, written once at the start.
std::atomic<SecretPool*> process_pool{nullptr};

}  // namespace

SecretPool::SecretPool(std::size_t kept_max) : kept_max_(kept_max) {
  static_assert(std::size_t{1} << (kClasses - 1) == kPagesMax);
  randombytes_buf(canary_.data(), canary_.size());
  // So that a return never allocates.
  for (std::size_t i = 0; i < kClasses; ++i) blocks_.at(i).reserve(kept_max_ / footprint(i));
}

SecretPool::~SecretPool() {
  for (const auto& blocks : blocks_) std::ranges::for_each(blocks, sodium_free);
}

std::shared_ptr<std::uint8_t> SecretPool::take(std::size_t size) {
  AGENT_SECRETS_ASSERT(size > 0);
  std::size_t size_class = 0;
  while (size_class < kClasses && capacity(size_class) < kCanarySize + size) ++size_class;
  if (size_class == kClasses) return {allocate(size), sodium_free};
  std::uint8_t* block = find_kept(size_class);
  if (block == nullptr) block = allocate(capacity(size_class));
  std::uint8_t* const content = block + capacity(size_class) - size;
  std::memcpy(content - kCanarySize, canary_.data(), kCanarySize);
  return {content,
          [this, size, size_class](std::uint8_t* memory) { give_back(memory, size, size_class); }};
}

void SecretPool::give_back(std::uint8_t* content, std::size_t size, std::size_t size_class) {
  std::uint8_t* const before = content - kCanarySize;
  AGENT_SECRETS_ASSERT(sodium_memcmp(before, canary_.data(), kCanarySize) == 0);
  sodium_memzero(before, kCanarySize + size);
  std::uint8_t* const block = content + size - capacity(size_class);
  if (!keep(block, size_class)) sodium_free(block);
}

bool SecretPool::keep(std::uint8_t* block, std::size_t size_class) {
  const std::scoped_lock lock(mutex_);
  if (kept_ + footprint(size_class) > kept_max_) return false;
  kept_ += footprint(size_class);
  blocks_.at(size_class).push_back(block);
  return true;
}

std::uint8_t* SecretPool::find_kept(std::size_t size_class) {
  const std::scoped_lock lock(mutex_);
  auto& blocks = blocks_.at(size_class);
  if (blocks.empty()) return nullptr;
  std::uint8_t* const block = blocks.back();
  blocks.pop_back();
  kept_ -= footprint(size_class);
  return block;
}

std::size_t SecretPool::kept() const {
  const std::scoped_lock lock(mutex_);
  return kept_;
}

SecretPool* SecretPool::of_process() { return process_pool.load(std::memory_order_acquire); }

// Never destroyed: objects that live until the end of the process return their memory to it.
void SecretPool::use_for_process() {
  static SecretPool* const pool = new SecretPool(limits::kSecretPool);
  process_pool.store(pool, std::memory_order_release);
}

}  // namespace agent_secrets
