#include "core/transport.h"

#include <ctime>

#include <curl/curl.h>

namespace agent_secrets {

std::string HttpResponse::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

std::optional<std::chrono::seconds> HttpResponse::date() const {
  const std::time_t seconds = curl_getdate(header("date").c_str(), nullptr);
  if (seconds < 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace agent_secrets
