#pragma once
// Owns one file descriptor and closes it. Move-only. Wrap a descriptor in the expression that
// creates it, with O_CLOEXEC (or SOCK_CLOEXEC, pipe2, accept4) set there too: then another thread's
// fork cannot leak it. There is no conversion to bool or int, because 0 is a valid descriptor and
// `get()` is easy to find.

namespace agent_secrets {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release();
  void reset();

 private:
  int fd_ = -1;
};

}  // namespace agent_secrets
