#pragma once
// What went wrong with an attempt, in words: which step (resolve, connect, TLS, wait, receive) with
// whom (host:port, or the proxy in between), why, and what to look at. curl_transport.cc asks;
// nothing else includes this.
//
// The codes decide whether a retry or a cache may help: unreachable and timed_out for what a
// network does by itself, untrusted for a certificate, failed for an answer that is wrong as it is.

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
