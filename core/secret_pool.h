#pragma once
// Guarded memory that a server keeps and uses again. sodium_malloc and sodium_free take some ten
// system calls for one allocation (mmap, mprotect, mlock, madvise and their opposites). In a
// process with several threads each change of protection interrupts every processor. A server that
// handles secrets in every request therefore makes a block of guarded memory once, and wipes the
// block at each return.
//
// A block is an allocation of sodium_malloc, with its guard pages: it is locked where
// RLIMIT_MEMLOCK allows, and excluded from core dumps. The content ends at the end of the block, so
// a read or write past the end hits the guard page. Before the content there is a canary, which is
// checked at the return: a write before the beginning of the content aborts the process then.
//
// Blocks have 1, 2, 4, … kPagesMax pages. The pool keeps at most `kept_max` bytes of blocks that
// are not in use; further blocks are freed, and so is memory that is larger than the largest block.
//
// Threads: safe from several. The pool must outlive what it has given out.
// Source: libsodium "Secure memory".

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace agent_secrets {

class SecretPool {
 public:
  explicit SecretPool(std::size_t kept_max);
  SecretPool(const SecretPool&) = delete;
  SecretPool& operator=(const SecretPool&) = delete;
  ~SecretPool();

  // Zero-filled memory. When the last copy of the pointer is destroyed, the memory is wiped and
  // returned to the pool. Aborts if there is no memory. `size` is at least 1.
  std::shared_ptr<std::uint8_t> take(std::size_t size);
  // Bytes of the blocks that are not in use, their guarded header pages included.
  [[nodiscard]] std::size_t kept() const;

  // The pool of this process; null until use_for_process(). SecretBuffer takes its memory from it.
  static SecretPool* of_process();
  // Makes the pool of this process, for the rest of its life. A short program needs none. Call it
  // once, before there are threads.
  static void use_for_process();

  static constexpr std::size_t kPagesMax = 256;

 private:
  static constexpr std::size_t kClasses = 9;  // 1 to kPagesMax pages
  void give_back(std::uint8_t* content, std::size_t size, std::size_t size_class);
  bool keep(std::uint8_t* block, std::size_t size_class);
  std::uint8_t* find_kept(std::size_t size_class);

  static constexpr std::size_t kCanarySize = 16;
  std::array<std::uint8_t, kCanarySize> canary_{};
  const std::size_t kept_max_;
  mutable std::mutex mutex_;
  std::size_t kept_ = 0;
  std::array<std::vector<std::uint8_t*>, kClasses> blocks_;  // not in use; each is zero-filled
};

}  // namespace agent_secrets
