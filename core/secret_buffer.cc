#include "core/secret_buffer.h"

#include <cstring>
#include <utility>

#include <sodium.h>

#include "core/error.h"
#include "core/secret_pool.h"

namespace agent_secrets {

SecretBuffer::SecretBuffer(std::size_t size) : size_(size) {
  if (size == 0) return;
  if (SecretPool* const pool = SecretPool::of_process()) {
    allocation_ = pool->take(size);
    data_ = allocation_.get();
    return;
  }
  data_ = static_cast<std::uint8_t*>(sodium_malloc(size));
  AGENT_SECRETS_ASSERT(data_ != nullptr);
  std::memset(data_, 0, size);
}

SecretBuffer SecretBuffer::copy_of(std::span<const std::uint8_t> bytes) {
  SecretBuffer buffer(bytes.size());
  if (buffer.data_ != nullptr) std::memcpy(buffer.data_, bytes.data(), bytes.size());
  return buffer;
}

SecretBuffer SecretBuffer::copy_of(std::string_view text) {
  return copy_of(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

SecretBuffer::SecretBuffer(SecretBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      allocation_(std::move(other.allocation_)) {}

SecretBuffer& SecretBuffer::operator=(SecretBuffer&& other) noexcept {
  if (this != &other) {
    wipe();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    allocation_ = std::move(other.allocation_);
  }
  return *this;
}

SecretBuffer::~SecretBuffer() { wipe(); }

void SecretBuffer::truncate(std::size_t size) {
  AGENT_SECRETS_ASSERT(size <= size_);
  if (size == size_) return;
  if (size == 0) return wipe();
  sodium_memzero(data_ + size, size_ - size);
  size_ = size;
}

void SecretBuffer::wipe() {
  if (allocation_ != nullptr) {
    sodium_memzero(data_, size_);
    allocation_.reset();
  } else {
    sodium_free(data_);  // wipes, and accepts nullptr
  }
  data_ = nullptr;
  size_ = 0;
}

bool SecretBuffer::same_content(const SecretBuffer& other) const {
  return size_ == other.size_ && (size_ == 0 || sodium_memcmp(data_, other.data_, size_) == 0);
}

SecretSlab::SecretSlab(std::size_t size) : left_(size) {
  if (size == 0) return;
  if (SecretPool* const pool = SecretPool::of_process()) {
    memory_ = pool->take(size);
    return;
  }
  memory_ = {static_cast<std::uint8_t*>(sodium_malloc(size)), sodium_free};
  AGENT_SECRETS_ASSERT(memory_ != nullptr);
  std::memset(memory_.get(), 0, size);
}

SecretBuffer SecretSlab::take(std::size_t size) {
  AGENT_SECRETS_ASSERT(size <= left_);
  SecretBuffer part;
  if (size == 0) return part;
  left_ -= size;
  part.data_ = memory_.get() + left_;
  part.size_ = size;
  part.allocation_ = memory_;
  return part;
}

SecretBuffer take_or_allocate(SecretSlab* slab, std::size_t size) {
  return slab != nullptr && size <= slab->room() ? slab->take(size) : SecretBuffer(size);
}

void wipe_memory(void* data, std::size_t size) { sodium_memzero(data, size); }

}  // namespace agent_secrets
