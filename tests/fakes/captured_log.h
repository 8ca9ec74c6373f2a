#pragma once
// A Log whose lines a test can read back.
//
// Threads: one.

#include <array>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "core/error.h"
#include "core/log.h"
#include "core/unique_fd.h"

namespace agent_secrets {

class CapturedLog {
 public:
  explicit CapturedLog(LogLevel threshold = LogLevel::info)
      : file_(::memfd_create("captured-log", MFD_CLOEXEC)),
        log_("program", threshold, LogFormat::text, file_.get()) {
    AGENT_SECRETS_ASSERT(file_.is_open());
  }

  [[nodiscard]] const Log& log() const { return log_; }
  // All lines so far.
  [[nodiscard]] std::string text() const {
    std::string lines;
    std::array<char, 4096> chunk{};
    for (ssize_t size = 0; (size = ::pread(file_.get(), chunk.data(), chunk.size(),
                                           static_cast<off_t>(lines.size()))) > 0;) {
      lines.append(chunk.data(), static_cast<std::size_t>(size));
    }
    return lines;
  }

 private:
  UniqueFd file_;
  Log log_;
};

}  // namespace agent_secrets
