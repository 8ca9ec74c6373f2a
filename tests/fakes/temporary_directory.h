#pragma once
// A directory of its own for one test, removed with all that is in it. In memory where the machine
// has /dev/shm: SQLite then runs the same calls, and its many fsyncs cost nothing.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <unistd.h>

#include "core/error.h"

namespace agent_secrets {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = base() / "agent-secrets-test-XXXXXX";
    AGENT_SECRETS_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] std::string path() const { return root_; }
  [[nodiscard]] std::string path(std::string_view name) const { return root_ / name; }

  void write(std::string_view name, std::string_view content) const {
    std::ofstream(root_ / name, std::ios::binary | std::ios::trunc) << content;
  }
  [[nodiscard]] std::string read(std::string_view name) const {
    std::ifstream file(root_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  static std::filesystem::path base() {
    constexpr const char* kInMemory = "/dev/shm";
    return ::access(kInMemory, W_OK | X_OK) == 0 ? kInMemory
                                                 : std::filesystem::temp_directory_path();
  }

  std::filesystem::path root_;
};

}  // namespace agent_secrets
