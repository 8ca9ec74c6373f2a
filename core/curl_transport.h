#pragma once
// GET over HTTPS by libcurl and OpenSSL. Redirects are never followed: a signed request names its
// target. TLS as core/tls_policy.h has it. A host name is resolved on a thread of libcurl's, or on
// the calling one where no thread can be made (core/threads.h). Plain http:// only to a loopback
// address unless the options say otherwise. Proxies are those of the environment, never for
// loopback.

#include <chrono>
#include <memory>
#include <string>

#include "core/transport.h"

namespace agent_secrets {

struct TransportOptions {
  std::string
      ca_pem;  // trust exactly these instead of the system's certificates; empty: the system's
  bool allow_plain_http = false;  // to hosts that are not loopback
  std::string user_agent;
  // A name server that is silent cannot be waited for less than it takes: leave libcurl's resolver
  // thread behind at the deadline instead of joining it. For a program that ends or execs soon.
  bool leave_resolver_behind = false;
  // For requests that wait long for their answer. A descriptor that, once readable, ends an attempt
  // (ErrorCode::interrupted); not owned. And how long a peer may acknowledge nothing, keep-alive
  // probes included, until the connection counts as lost (tcp(7), TCP_USER_TIMEOUT); zero leaves
  // that to the kernel, which takes hours.
  int interrupt_fd = -1;
  std::chrono::seconds dead_peer_timeout{0};
};

// Keeps its connection alive between calls. The program must ignore SIGPIPE: libcurl is told to
// leave signals alone, and not every version and TLS library writes with MSG_NOSIGNAL.
class CurlTransport final : public Transport {
 public:
  explicit CurlTransport(TransportOptions options);
  ~CurlTransport() override;
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;
  Result<HttpResponse> get(const HttpRequest& request, std::chrono::milliseconds timeout) override;

 private:
  struct Handle;
  TransportOptions options_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace agent_secrets
