#pragma once
// One accepted connection, from its TLS handshake to its last answer: receive a header, let its
// route find the account, receive the body if there is memory for it, let a worker answer, park the
// request if the handler returns Wait, write, log, and repeat while the client keeps the connection
// alive.
//
// Until a token or proof is accepted the client is a stranger: it has little time, gets no memory
// for a body and no `100 Continue`, and is closed first when connections run out (seats.h). The
// limits of accounts are in shared_budget.h and turns.h. A request whose answer is made later
// (Later) gives up its turn on the worker thread, and the connection waits for the answer.
//
// A small body that has arrived with its header, on a connection whose last request had an account,
// gets memory from that account's share at once. So the request is authenticated once, with its
// body, and not before the body too (docs/decisions/0049).
//
// A faulty request is answered in JSON. Before the connection closes, the bytes that the client
// still sends are read and dropped (within bounds): closing with unread bytes makes the kernel send
// a reset, which can discard the answer at the client, and the official CLI reports success after a
// dropped connection.
//
// Threads: the I/O thread only; a handler runs on a worker thread while the connection waits.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "control-plane/http/counters.h"
#include "control-plane/http/deadline.h"
#include "control-plane/http/failed_authentications.h"
#include "control-plane/http/incoming.h"
#include "control-plane/http/parking.h"
#include "control-plane/http/response_text.h"
#include "control-plane/http/router.h"
#include "control-plane/http/seats.h"
#include "control-plane/http/server.h"
#include "control-plane/http/shared_budget.h"
#include "control-plane/http/stream.h"
#include "control-plane/http/turns.h"
#include "control-plane/http/wake_channel.h"
#include "control-plane/http/workers.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// Shared by all connections of a server; outlives them.
struct ConnectionContext {
  ConnectionContext(const ServerOptions& options, const Router& router, const Log& log,
                    HttpCounters& counters, boost::asio::io_context& io, Workers& workers);

  const ServerOptions& options;
  const Router& router;
  const Log& log;
  HttpCounters& counters;
  Workers& workers;
  std::shared_ptr<WakeChannel> channel;
  Turns turns;
  Seats seats;
  SharedBudget bodies;   // bytes of the requests that are being received or answered
  SharedBudget answers;  // bytes of the answers that are being written
  FailedAuthentications failures;
  bool stopping = false;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `address`: the client's address, in the form in which failures and seats count it.
  Connection(std::unique_ptr<Stream> stream, std::string address, ConnectionContext& context);

  boost::asio::awaitable<void> run();
  // Closes an idle connection and wakes a parked request; any other connection ends after its
  // answer.
  void stop();
  // Closes the socket at once, also during an operation.
  void abort();

 private:
  struct Queue {
    std::string name;
    int at_most;
  };

  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<std::unique_ptr<Response>> respond(Incoming& incoming);
  boost::asio::awaitable<Incoming::Progress> receive(Incoming& incoming);
  boost::asio::awaitable<bool> read_more(bool idle);
  boost::asio::awaitable<Admission> ask_route(Request& request);
  boost::asio::awaitable<void> wait_for_turn(const Queue& queue);
  boost::asio::awaitable<Admission> wait_and_ask_route(Request& request);
  boost::asio::awaitable<std::unique_ptr<Response>> refuse_deaf(Request& request);
  bool takes_small_body(Incoming& incoming);
  boost::asio::awaitable<std::unique_ptr<Response>> admit_body(Incoming& incoming);
  std::unique_ptr<Response> make_room(Incoming& incoming, const Admitted& admitted);
  boost::asio::awaitable<std::unique_ptr<Response>> answer(Incoming& incoming);
  boost::asio::awaitable<bool> write(const Incoming& incoming, std::unique_ptr<Response> response,
                                     bool close);
  void count(const Incoming& incoming, int status, std::size_t size);
  boost::asio::awaitable<void> linger(std::uint64_t still_expected);
  [[nodiscard]] Queue queue_of(bool writes) const;
  bool belong_to(std::string account);
  std::unique_ptr<Response> checked(const Request& request, Response response);
  [[nodiscard]] Response refuse(const Request& request, int status,
                                std::chrono::seconds retry_after) const;
  std::string text_within_budget(const Incoming& incoming, Response response, bool close,
                                 SharedBudget::Hold& hold, int& status);
  [[nodiscard]] std::chrono::seconds bounded(std::chrono::seconds time) const;
  [[nodiscard]] std::chrono::seconds header_time() const;

  std::unique_ptr<Stream> stream_;
  ConnectionContext& context_;
  Incoming::Buffer buffer_;
  Deadline deadline_;
  Parking parking_;
  bool idle_ = false;
  SharedBudget::Hold body_;  // of the request that is being served
  std::string account_;      // of the last request; empty: a stranger
  Seats::Seat seat_;
  Tallied counted_{context_.counters.connections};
  bool keeps_seat_ = true;  // false: the account has used up its share of connections
};

}  // namespace agent_secrets::control_plane
