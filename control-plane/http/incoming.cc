#include "control-plane/http/incoming.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>
#include <string_view>

#include <boost/beast/http/error.hpp>

#include "control-plane/http/target.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

int status_of(const error_code& error) {
  if (error == http::error::body_limit) return 413;
  if (error == http::error::header_limit) return 431;
  return 400;
}

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lowered;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Incoming::Incoming() {
  parser_.eager(false);  // stops after the header
  parser_.header_limit(limits::kRequestHeader);
  parser_.body_limit(limits::kRequestBody);
}

Incoming::~Incoming() {
  for (auto& [name, value] : request.headers) wipe_memory(value.data(), value.size());
}

Incoming::Progress Incoming::take(Buffer& buffer) {
  while (buffer.size() > 0 && !parser_.is_done()) {
    error_code error;
    const std::size_t used = parser_.put(buffer.data(), error);
    buffer.consume(used);
    if (error && error != http::error::need_more) {
      status = status_of(error);
      if (!header_read_) fill_request();  // the arrived part decides the form of the answer
      return Progress::bad;
    }
    if (parser_.is_header_done() && !header_read_) {
      if (!read_header()) return Progress::bad;
      if (!parser_.is_done()) return Progress::header;
    }
    if (error || used == 0) break;
  }
  if (!parser_.is_done()) return Progress::more;
  const auto& body = parser_.get().body();
  request.body = std::string_view(body.data(), body.size());
  return Progress::whole;
}

bool Incoming::read_header() {
  header_read_ = true;
  const auto& message = parser_.get();
  keep_alive = message.keep_alive();
  fill_request();
  framed_ = is_framed_plainly();
  if (parse_target(view(message.target()), request) && framed_) return true;
  status = 400;
  return false;
}

void Incoming::fill_request() {
  const auto& message = parser_.get();
  http_1_0 = message.version() < 11;
  request.method = view(message.method_string());
  for (const auto& field : message) {
    std::string& value = request.headers[lower_case(view(field.name_string()))];
    if (!value.empty()) value += ", ";
    value += view(field.value());
  }
  if (!header_read_) (void)parse_target(view(message.target()), request);
}

bool Incoming::is_framed_plainly() const {
  const auto& message = parser_.get();
  const std::size_t hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && !http_1_0)) return false;
  const std::size_t lengths = message.count(http::field::content_length);
  // The parser accepts "3, 3" as 3.
  const std::string_view length = view(message[http::field::content_length]);
  const bool digits = std::ranges::all_of(length, [](char c) { return c >= '0' && c <= '9'; });
  if (lengths > 1 || !digits || length.empty() != (lengths == 0)) return false;
  const std::size_t codings = message.count(http::field::transfer_encoding);
  if (codings == 0) return true;
  return codings == 1 && !http_1_0 && lengths == 0 &&
         lower_case(view(message[http::field::transfer_encoding])) == "chunked";
}

std::uint64_t Incoming::promised_body(std::uint64_t at_most) const {
  return parser_.content_length().value_or(at_most);
}

void Incoming::begin_body(std::uint64_t at_most) {
  parser_.body_limit(at_most);
  parser_.eager(true);
}

bool Incoming::expects_continue() const {
  return !http_1_0 && lower_case(view(parser_.get()[http::field::expect])) == "100-continue";
}

bool Incoming::has_arrived(const Buffer& buffer) const {
  const auto length = parser_.content_length();
  return length && *length <= buffer.size() && !expects_continue();
}

// Reads the header field itself, because the parser returns the length only after it has accepted
// the header.
std::uint64_t Incoming::unread_body(std::uint64_t unknown) const {
  const bool before_body = framed_ && !parser_.eager() && !parser_.is_done();
  if ((!before_body && status != 413) || expects_continue()) return 0;
  const std::string_view text = view(parser_.get()[http::field::content_length]);
  std::uint64_t length = unknown;
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

}  // namespace agent_secrets::control_plane
