#include "core/heap.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <malloc.h>

namespace agent_secrets {
namespace {

constexpr int kLarge = 128 * 1024;
constexpr int kSpare = 2 * 1024 * 1024;  // a larger free end of a heap is given back
constexpr int kMostHeaps = 8;
constexpr std::size_t kFirstSize = 1536 * 1024;
static_assert(kFirstSize + kLarge < kSpare);

}  // namespace

void configure_heaps() {
  const int heaps = std::min(static_cast<int>(std::thread::hardware_concurrency()) + 2, kMostHeaps);
  // NOLINTBEGIN(concurrency-mt-unsafe): called before there is another thread
  (void)::mallopt(M_ARENA_MAX, heaps);
  (void)::mallopt(M_MMAP_THRESHOLD, kLarge);
  (void)::mallopt(M_TRIM_THRESHOLD, kSpare);
  (void)::mallopt(M_TOP_PAD, kLarge);
  // NOLINTEND(concurrency-mt-unsafe)
}

void grow_heap_of_thread() {
  // Two threads of one heap would together make its free end so large that it is given back.
  static std::mutex growing;
  const std::scoped_lock lock(growing);
  // A block of kLarge would be a mapping outside the heap. `volatile` keeps the compiler from
  // leaving the calls out.
  constexpr std::size_t kBlock = kLarge / 2;
  std::array<void* volatile, kFirstSize / kBlock> blocks{};
  for (auto& block : blocks) block = std::malloc(kBlock);
  for (auto& block : blocks) std::free(block);
}

}  // namespace agent_secrets
