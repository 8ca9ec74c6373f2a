#pragma once
// The only type for secret bytes: memory from sodium_malloc (guard pages, MADV_DONTDUMP, locked
// where RLIMIT_MEMLOCK allows, wiped when freed). Move-only. It cannot be compared, printed,
// formatted, logged or converted to a string. Only `expose()` gives access to the bytes, so one
// grep lists every access. tests/must_not_compile checks that each forbidden use does not compile.
// In a server the memory comes from a pool, which keeps it (core/secret_pool.h).
//
// Threads: as a std::vector; const access from several threads is fine.
// Source: libsodium "Secure memory"; madvise(2).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace agent_secrets {

class SecretBuffer {
 public:
  SecretBuffer() = default;  // empty: owns nothing
  // Zero-filled. Aborts if the memory cannot be allocated: secrets are never put into other memory.
  explicit SecretBuffer(std::size_t size);
  static SecretBuffer copy_of(std::span<const std::uint8_t> bytes);
  static SecretBuffer copy_of(std::string_view text);

  SecretBuffer(SecretBuffer&& other) noexcept;
  SecretBuffer& operator=(SecretBuffer&& other) noexcept;
  SecretBuffer(const SecretBuffer&) = delete;
  SecretBuffer& operator=(const SecretBuffer&) = delete;
  ~SecretBuffer();

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  [[nodiscard]] std::span<std::uint8_t> expose() { return {data_, size_}; }
  [[nodiscard]] std::span<const std::uint8_t> expose() const { return {data_, size_}; }
  [[nodiscard]] std::string_view expose_text() const {
    return {reinterpret_cast<const char*>(data_), size_};
  }

  // Keeps the first `size` bytes and wipes the rest; no reallocation.
  void truncate(std::size_t size);
  void wipe();  // wipes, frees, leaves it empty

  // Compares the content in constant time (the size is not protected).
  [[nodiscard]] bool same_content(const SecretBuffer& other) const;

  bool operator==(const SecretBuffer&) const = delete;

 private:
  friend class SecretSlab;
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  // The allocation that contains the bytes, if a slab or the pool of the process owns it.
  std::shared_ptr<std::uint8_t> allocation_;
};

// Many secrets in one guarded allocation, for secrets with the same lifetime. An allocation takes
// some ten system calls, and in a process with several threads each change of protection interrupts
// every processor. With a slab the server makes three times as many bundles of twelve values. Each
// part is a SecretBuffer and is wiped at its end. There are guard pages around the whole slab, but
// not between two parts.
class SecretSlab {
 public:
  // Room for parts of `size` bytes together.
  explicit SecretSlab(std::size_t size);
  // The next `size` bytes, zero-filled. Asserts that there is enough room.
  SecretBuffer take(std::size_t size);
  [[nodiscard]] std::size_t room() const { return left_; }

 private:
  std::shared_ptr<std::uint8_t> memory_;
  std::size_t left_;
};

// A part of `slab`; a separate allocation if `slab` is null or has no room.
SecretBuffer take_or_allocate(SecretSlab* slab, std::size_t size);

// Wipes memory that cannot live in a SecretBuffer (a parser's scratch space, the process's own
// environment).
void wipe_memory(void* data, std::size_t size);

}  // namespace agent_secrets
