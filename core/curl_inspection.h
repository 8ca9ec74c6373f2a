#pragma once
// What one transfer of libcurl and OpenSSL says of itself, for core/curl_transport.cc alone: an
// Inspection is filled by callbacks while the attempt runs, and by libcurl's clock at its end.
// Watching changes nothing: the verdict on a certificate stays OpenSSL's.
//
// Ownership: a connection that is kept open keeps pointing to its watch, and may call it during a
// later transfer (TLS 1.3 sends tickets late): the watch has to outlive the handle, the Inspection
// only its own transfer. The types of libcurl stay out of here: a handle is a CURL*.

#include <chrono>
#include <optional>

#include "core/transport.h"

namespace agent_secrets {

class TransferWatch {
 public:
  // Installs the callbacks.
  void begin(void* curl_handle, Inspection& inspection);
  // Takes them down, after the transfer, and reads the times.
  void end(void* curl_handle);

  // For the callbacks: null between transfers.
  [[nodiscard]] Inspection* inspection() const { return inspection_; }
  void handshake_begins();

 private:
  Inspection* inspection_ = nullptr;
  std::chrono::steady_clock::time_point begun_;
  // libcurl counts a connection only once TLS stands on it: this is when TCP did.
  std::optional<std::chrono::microseconds> until_handshake_;
};

}  // namespace agent_secrets
