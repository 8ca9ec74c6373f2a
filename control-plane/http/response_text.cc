#include "control-plane/http/response_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <iterator>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace agent_secrets::control_plane {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool has_header(const Response& response, std::string_view name) {
  return std::ranges::any_of(response.headers,
                             [&](const auto& header) { return same_name(header.first, name); });
}

// These statuses may have neither a body nor a Content-Length (RFC 9110 section 8.6).
bool is_bodiless(int status) { return status < 200 || status == 204 || status == 304; }

constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// RFC 9110 section 5.6.7. Much cheaper than a format of times, and each answer has a date.
std::string date_text(std::chrono::seconds date) {
  const std::tm time = fmt::gmtime(date.count());
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays.at(static_cast<std::size_t>(time.tm_wday)), time.tm_mday,
                     kMonths.at(static_cast<std::size_t>(time.tm_mon)), time.tm_year + 1900,
                     time.tm_hour, time.tm_min, time.tm_sec);
}

// A line break in a value would let the author of the value add a header.
void append_header(std::string& text, std::string_view name, std::string_view value) {
  text += name;
  text += ": ";
  std::ranges::remove_copy_if(value, std::back_inserter(text),
                              [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  text += "\r\n";
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

std::string response_text(const Response& response, const ResponseFraming& framing) {
  std::string text =
      fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  text.reserve(text.size() + response.body.size() + 512);
  append_header(text, "Date", date_text(framing.date));
  for (const auto& [name, value] : response.headers) append_header(text, name, value);
  if (!has_header(response, "Cache-Control")) append_header(text, "Cache-Control", "no-store");
  append_header(text, "X-Content-Type-Options", "nosniff");
  if (framing.close) append_header(text, "Connection", "close");
  if (!framing.close && framing.http_1_0) append_header(text, "Connection", "keep-alive");
  if (!is_bodiless(response.status)) {
    append_header(text, "Content-Type", response.content_type);
    append_header(text, "Content-Length", std::to_string(response.body.size()));
  }
  text += "\r\n";
  if (!framing.head && !is_bodiless(response.status)) text += response.body;
  return text;
}

}  // namespace agent_secrets::control_plane
