#pragma once
// One accepted connection, from its TLS handshake to its last answer: receive a request within its
// bounds and its time, have a worker answer it, park it when the handler says Wait, write, log, and
// go on while the client keeps the connection alive.
//
// Whatever is wrong with a request is answered in JSON, and what the client still sends is read and
// dropped (within bounds) before the connection closes: closing with unread bytes makes the kernel
// send a reset, which can overtake the answer, and the official CLI takes a dropped connection for
// success (contract 2.4).
//
// Threads: the I/O thread only; the handler runs on the pool while the connection waits for it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "control-plane/http/response_text.h"
#include "control-plane/http/router.h"
#include "control-plane/http/server.h"
#include "control-plane/http/stream.h"
#include "control-plane/http/wake_channel.h"
#include "core/log.h"
#include "core/wiping_allocator.h"

namespace agent_secrets::control_plane {

// What all connections of a server share; outlives them.
struct ConnectionContext {
  const ServerOptions& options;
  const Router& router;
  const Log& log;
  boost::asio::thread_pool& workers;
  std::shared_ptr<WakeChannel> channel;
  bool stopping = false;
  std::uint64_t body_bytes = 0;  // promised by the requests that are being received or answered
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::unique_ptr<Stream> stream, ConnectionContext& context);

  boost::asio::awaitable<void> run();
  // Closes an idle connection and wakes a parked one; the others end with their answer.
  void stop();
  // Closes the socket under whatever is going on.
  void abort();

 private:
  struct Incoming;
  struct Bell;
  enum class Received { request, nothing, bad };

  boost::asio::awaitable<bool> serve_one();
  bool parse(Incoming& incoming);
  bool make_room(Incoming& incoming);
  boost::asio::awaitable<Received> receive(Incoming& incoming);
  boost::asio::awaitable<bool> read_more(bool idle);
  boost::asio::awaitable<bool> send_continue(Incoming& incoming);
  boost::asio::awaitable<std::unique_ptr<Response>> answer(Request& request);
  boost::asio::awaitable<bool> park(const Wait& wait);
  boost::asio::awaitable<void> linger(std::uint64_t still_expected);
  void watch_for_hangup(const std::shared_ptr<Bell>& bell);
  void check_hangup(const std::shared_ptr<Bell>& bell);
  void arm(std::chrono::milliseconds time);
  void watch_deadline();
  void disarm();

  std::unique_ptr<Stream> stream_;
  ConnectionContext& context_;
  boost::beast::basic_flat_buffer<WipingAllocator<char>> buffer_;
  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_;
  bool timed_out_ = false;
  bool idle_ = false;
  std::shared_ptr<Bell> bell_;  // while parked
};

}  // namespace agent_secrets::control_plane
