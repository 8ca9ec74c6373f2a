#pragma once
// One request during its receipt: first its header, then, once there is memory for it, its body.
// Body and header fields are in wiped memory; the copies of the header in `request` are wiped at
// the end of this object.
//
// The checks of the body's framing are stricter than the parser's, because a proxy in front may
// interpret the same bytes differently (RFC 9112 sections 6.1 and 6.3). Answered 400: a transfer
// coding other than exactly `chunked`, a transfer coding beside a Content-Length or in HTTP/1.0,
// and a second Content-Length or Host. Trailers are read and dropped, so they cannot change the
// request.
//
// Threads: the server's I/O thread; a worker reads `request` while the connection waits for it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/vector_body.hpp>

#include "control-plane/http/message.h"
#include "core/wiping_allocator.h"

namespace agent_secrets::control_plane {

class Incoming {
 public:
  using Buffer = boost::beast::basic_flat_buffer<WipingAllocator<char>>;
  enum class Progress {
    more,    // needs more bytes
    header,  // the header is complete and a body follows: begin_body(), or refuse
    whole,   // `request` is complete
    bad,     // `status` is the reason
  };

  Incoming();
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  ~Incoming();

  // Consumes the bytes of the buffer that it can parse.
  Progress take(Buffer& buffer);
  // The memory that the body may need, given that `at_most` bytes are allowed.
  [[nodiscard]] std::uint64_t promised_body(std::uint64_t at_most) const;
  void begin_body(std::uint64_t at_most);
  // The client sends its body only after `100 Continue` (RFC 9110 section 10.1.1).
  [[nodiscard]] bool expects_continue() const;
  // True if the buffer holds the whole body, the body is not chunked, and the client does not wait
  // for `100 Continue`.
  [[nodiscard]] bool has_arrived(const Buffer& buffer) const;
  // How many bytes of the body a refused client may still send; `unknown` if its header has no
  // length.
  [[nodiscard]] std::uint64_t unread_body(std::uint64_t unknown) const;

  Request request;
  int status = 400;         // if the request is bad or refused
  bool refused = false;     // the rest of the request will not be read
  bool keep_alive = false;  // the client wants to keep the connection
  bool http_1_0 = false;
  std::chrono::steady_clock::time_point began;
  std::chrono::steady_clock::duration parked{};  // of the time since then
  std::optional<std::size_t> route;              // Router::route_of(), once the header is complete

 private:
  using Allocator = WipingAllocator<char>;
  using Parser =
      boost::beast::http::request_parser<boost::beast::http::vector_body<char, Allocator>,
                                         Allocator>;

  bool read_header();
  void fill_request();
  [[nodiscard]] bool is_framed_plainly() const;

  Parser parser_;
  bool header_read_ = false;
  bool framed_ = false;  // its header clearly defines the end of the body
};

}  // namespace agent_secrets::control_plane
