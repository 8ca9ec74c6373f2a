#pragma once
// Allocator for containers of libraries that must hold plaintext for a short time (a request body,
// a JSON parser's tree) and cannot use a SecretBuffer: memory is wiped before it is freed.

#include <cstddef>
#include <memory>

#include "core/secret_buffer.h"

namespace agent_secrets {

template <typename T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <typename U>
  WipingAllocator(const WipingAllocator<U>&) noexcept {
  }  // NOLINT(google-explicit-constructor): allocators convert

  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) {
    wipe_memory(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }
  template <typename U>
  bool operator==(const WipingAllocator<U>&) const {
    return true;
  }
};

}  // namespace agent_secrets
