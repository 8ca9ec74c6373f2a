// What answers the injector's request, from the first byte of the status line on: raw bytes over a
// real connection into libcurl, through CurlTransport, the retries and fetch_bundle, to the
// sentence that a person reads. A bundle comes out only if the region signed it for this very
// request; a seed holds one, which is possible because "random" numbers are fixed here, and the
// nonce with them.
// Parser: core/curl_transport.cc core/fetch.cc injector/fetch_bundle.cc
#include <cstring>
#include <mutex>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/curl_transport.h"
#include "core/encoding.h"
#include "core/limits.h"
#include "core/test_keys.h"
#include "core/unique_fd.h"
#include "injector/fetch_bundle.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

// Answers every connection with the same bytes, then closes it. Lives as long as the process.
class Server {
 public:
  Server() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    AGENT_SECRETS_ASSERT(::bind(listener_.get(), generic, size) == 0);
    AGENT_SECRETS_ASSERT(::listen(listener_.get(), 16) == 0);
    AGENT_SECRETS_ASSERT(::getsockname(listener_.get(), generic, &size) == 0);
    url_ = fmt::format("http://127.0.0.1:{}", ntohs(address.sin_port));
    std::thread([this] { serve(); }).detach();
  }

  [[nodiscard]] const std::string& url() const { return url_; }
  void set_answer(std::string_view answer) {
    const std::lock_guard guard(mutex_);
    answer_ = answer;
  }

 private:
  [[noreturn]] void serve() {
    for (;;) {
      const UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      AGENT_SECRETS_ASSERT(connection.is_open());
      if (!read_request(connection.get())) continue;
      const std::lock_guard guard(mutex_);
      write(connection.get(), answer_);
    }
  }

  // A connection that is closed with bytes unread is reset, and the answer with it.
  static bool read_request(int fd) {
    std::string request;
    while (!request.ends_with("\r\n\r\n")) {
      char chunk[4096];
      const ssize_t got = ::recv(fd, chunk, sizeof(chunk), 0);
      if (got <= 0) return false;
      request.append(chunk, static_cast<std::size_t>(got));
    }
    return true;
  }

  static void write(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the client has seen enough
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string url_;
  std::mutex mutex_;
  std::string answer_;
};

// The real transport; looks at what it lets through.
class CheckedTransport final : public Transport {
 public:
  Result<HttpResponse> send(const HttpRequest& request,
                            std::chrono::milliseconds timeout) override {
    auto answer = transport_.send(request, timeout);
    if (!answer) {
      AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(answer.error()));
      AGENT_SECRETS_ASSERT(answer.error().code != ErrorCode::timed_out);
      return answer;
    }
    AGENT_SECRETS_ASSERT(answer->status >= 100 && answer->status <= 999);
    AGENT_SECRETS_ASSERT(answer->body.size() <= limits::kResponseBody);
    for (const auto& [name, value] : answer->headers) {
      AGENT_SECRETS_ASSERT(std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }));
      AGENT_SECRETS_ASSERT(value.find('\n') == std::string::npos);
    }
    return answer;
  }

 private:
  CurlTransport transport_{TransportOptions{.ca_pem = {}, .user_agent = "fuzz"}};
};

void fixed_bytes(void* const bytes, const std::size_t size) { std::memset(bytes, 0x2a, size); }

const char* fixed_name() { return "fixed"; }
std::uint32_t fixed_number() { return 0x2a2a2a2a; }
randombytes_implementation fixed_numbers{.implementation_name = fixed_name,
                                         .random = fixed_number,
                                         .stir = nullptr,
                                         .uniform = nullptr,
                                         .buf = fixed_bytes,
                                         .close = nullptr};

AgentCredential credential_for(const std::string& url) {
  CredentialIdentity identity = test::identity();
  identity.urls = {url};
  return test::agent_credential(identity);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int replaced = randombytes_set_implementation(&fixed_numbers);
  AGENT_SECRETS_ASSERT(replaced == 0);
  const auto answer = fuzz::text(data, size);
  static Server& server = *new Server;  // its thread outlives every static
  static const AgentCredential credential = credential_for(server.url());
  server.set_answer(answer);

  CheckedTransport transport;
  FakeClock clock;
  // No pause fits into the deadline: one attempt, or two where the clocks differ.
  const RetryPolicy policy{.deadline = 10s, .first_backoff = 1h, .max_backoff = 1h};
  const auto fetched =
      fetch_bundle(transport, clock, [] { return 0.99; }, credential, "fuzz", policy);
  if (!fetched) {
    AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(fetched.error()));
    return 0;
  }
  AGENT_SECRETS_ASSERT(fetched->verified.facts.nonce == random_token(18));
  AGENT_SECRETS_ASSERT(open_bundle(fetched->verified, credential.box_key).has_value());
  return 0;
}
