#pragma once
// Records how one transfer of libcurl and OpenSSL went, for core/curl_transport.cc alone. Callbacks
// fill an Inspection during the attempt; libcurl's times are added at its end. Recording changes no
// result: OpenSSL alone decides about a certificate.
//
// Ownership: an open connection has a pointer to its TransferWatch, and may call it during a later
// transfer (TLS 1.3 sends tickets late). So the TransferWatch must outlive the handle, and the
// Inspection only its own transfer. This header does not include libcurl's types: a handle is a
// CURL*.

#include <chrono>
#include <optional>

#include "core/transport.h"

namespace agent_secrets {

class TransferWatch {
 public:
  // Installs the callbacks.
  void begin(void* curl_handle, Inspection& inspection);
  // Removes the callbacks after the transfer, and reads the times.
  void end(void* curl_handle);

  // For the callbacks: null between transfers.
  [[nodiscard]] Inspection* inspection() const { return inspection_; }
  void handshake_begins();

 private:
  Inspection* inspection_ = nullptr;
  std::chrono::steady_clock::time_point begun_;
  // The time when TCP was connected; libcurl itself counts a connection only after TLS is done.
  std::optional<std::chrono::microseconds> until_handshake_;
};

}  // namespace agent_secrets
