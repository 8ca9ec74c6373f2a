#include "core/resolve.h"

#include <algorithm>
#include <array>
#include <memory>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/socket.h>

namespace agent_secrets {
namespace {

constexpr int kQuestions = 2 * MAXNS;

// The resolver's state belongs to the whole thread, so the old time limits are restored at the end.
class BoundedResolver {
 public:
  explicit BoundedResolver(std::chrono::milliseconds time) {
    if (::res_init() != 0) return;
    const auto each = std::chrono::floor<std::chrono::seconds>(time / kQuestions).count();
    _res.retrans = std::clamp(static_cast<int>(each), 1, _res.retrans);
    _res.retry = 1;
  }
  ~BoundedResolver() { ::res_init(); }
  BoundedResolver(const BoundedResolver&) = delete;
  BoundedResolver& operator=(const BoundedResolver&) = delete;
};

std::string text_of(const addrinfo& entry) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = entry.ai_family == AF_INET6
                          ? static_cast<const void*>(
                                &reinterpret_cast<const sockaddr_in6*>(entry.ai_addr)->sin6_addr)
                          : static_cast<const void*>(
                                &reinterpret_cast<const sockaddr_in*>(entry.ai_addr)->sin_addr);
  return ::inet_ntop(entry.ai_family, bytes, text.data(), text.size());
}

}  // namespace

std::vector<std::string> resolve_on_this_thread(const std::string& host,
                                                std::chrono::milliseconds time) {
  const BoundedResolver bounded(time);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &wanted, &list) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, ::freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family == AF_INET || entry->ai_family == AF_INET6) {
      addresses.push_back(text_of(*entry));
    }
  }
  return addresses;
}

}  // namespace agent_secrets
