#include "core/transport.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <ctime>

#include <curl/curl.h>

namespace agent_secrets {
namespace {

using std::chrono::seconds;

constexpr seconds kRetryAfterMax{86'400};

std::optional<seconds> parse_date(const std::string& text) {
  const std::time_t unix_time = curl_getdate(text.c_str(), nullptr);
  if (unix_time < 0) return std::nullopt;
  return seconds(unix_time);
}

std::optional<seconds> parse_seconds(const std::string& text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (end != text.data() + text.size() || end == text.data()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return text[0] == '-' ? seconds(-1) : kRetryAfterMax;
  if (error != std::errc()) return std::nullopt;
  return std::min(seconds(count), kRetryAfterMax);
}

}  // namespace

std::string HttpResponse::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

std::optional<seconds> HttpResponse::date() const { return parse_date(header("date")); }

std::optional<seconds> HttpResponse::retry_after() const {
  const std::string text = header("retry-after");
  auto wait = parse_seconds(text);
  if (!wait) {
    const auto until = parse_date(text);
    const auto now = date();
    if (until && now) wait = std::min(*until - *now, kRetryAfterMax);
  }
  if (!wait || *wait < seconds(0)) return std::nullopt;
  return wait;
}

}  // namespace agent_secrets
