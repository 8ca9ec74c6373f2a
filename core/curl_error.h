#pragma once
// Describes why an attempt failed: the step (resolve, connect, TLS, wait, receive), the peer
// (host:port, or the proxy), the reason, and a hint. Only curl_transport.cc includes this header.
//
// The codes decide whether a retry or a cache may help: unreachable and timed_out for faults of the
// network, untrusted for a certificate, failed for a wrong answer.

#include <string>

#include <curl/curl.h>

#include "core/error.h"

namespace agent_secrets {

struct FailedTransfer {
  CURL* easy = nullptr;     // after curl_easy_perform
  const char* detail = "";  // CURLOPT_ERRORBUFFER
  bool is_tls = false;
  std::string authority;       // host:port
  std::string proxy;           // host:port, or "" for none
  std::size_t body_bytes = 0;  // received so far
};

Error explain(const FailedTransfer& attempt, CURLcode code);

}  // namespace agent_secrets
