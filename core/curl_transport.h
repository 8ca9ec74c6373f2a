#pragma once
// HTTPS by libcurl and OpenSSL. Redirects are never followed, because a request is signed
// for its target. TLS follows core/tls_policy.h. A host name is resolved on a thread of libcurl, or
// on the calling thread if no thread can be made (core/threads.h). Plain http:// only to a loopback
// address unless the options say otherwise. Proxies are taken from the environment, never for
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
  // At the deadline, leave libcurl's resolver thread running instead of joining it: a join waits
  // until a silent name server has timed out. For a program that ends or execs soon.
  bool leave_resolver_behind = false;
  // Both are for long polls. `interrupt_fd`: an attempt ends when it becomes readable
  // (ErrorCode::interrupted); not owned. The timeout: how long a peer may acknowledge nothing,
  // keep-alive probes included, until the connection counts as lost (tcp(7), TCP_USER_TIMEOUT);
  // with zero the kernel decides, after hours.
  int interrupt_fd = -1;
  std::chrono::seconds dead_peer_timeout{0};
};

// Keeps its connection alive between calls. The program must ignore SIGPIPE: libcurl is configured
// not to change signals, and not every version and TLS library writes with MSG_NOSIGNAL.
class CurlTransport final : public Transport {
 public:
  explicit CurlTransport(TransportOptions options);
  ~CurlTransport() override;
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;
  Result<HttpResponse> send(const HttpRequest& request, std::chrono::milliseconds timeout) override;

 private:
  struct Handle;
  TransportOptions options_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace agent_secrets
