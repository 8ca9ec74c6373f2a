#pragma once
// One request while it arrives: first its header, then, once there is room for it, its body. Body
// and header fields live in wiped memory, and so do the copies that `request` holds of the header
// once this goes.
//
// Stricter than the parser about how the body is framed, because a proxy in front may read the same
// bytes differently (RFC 9112 sections 6.1 and 6.3): a transfer coding other than exactly
// `chunked`, one beside a Content-Length or in HTTP/1.0, and a second Content-Length or Host are
// 400. Trailers are read and dropped: the request is what the header said when it ended.
//
// Threads: the server's I/O thread; a worker reads `request` while the connection waits for it.

#include <chrono>
#include <cstdint>

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
    header,  // the header is there, and a body follows: begin_body(), or refuse
    whole,   // `request` is complete
    bad,     // `status` says why
  };

  Incoming();
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  ~Incoming();

  // Takes what it can use of the buffer.
  Progress take(Buffer& buffer);
  // How many bytes of memory the body may take when it may have `at_most`.
  [[nodiscard]] std::uint64_t promised_body(std::uint64_t at_most) const;
  void begin_body(std::uint64_t at_most);
  // The client holds its body back until it hears from us (RFC 9110 section 10.1.1).
  [[nodiscard]] bool expects_continue() const;
  // How much of the body a client that is refused goes on sending, at most `unknown` where its
  // header does not say.
  [[nodiscard]] std::uint64_t unread_body(std::uint64_t unknown) const;

  Request request;
  int status = 400;         // when it is bad, or refused
  bool refused = false;     // the rest of it will not be read
  bool keep_alive = false;  // the client wants to go on
  bool http_1_0 = false;
  std::chrono::steady_clock::time_point began;

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
  bool framed_ = false;  // its header says plainly where its body ends
};

}  // namespace agent_secrets::control_plane
