#pragma once
// A directory of its own for one test, removed with all that is in it.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "core/error.h"

namespace agent_secrets {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "agent-secrets-test-XXXXXX";
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
  std::filesystem::path root_;
};

}  // namespace agent_secrets
