#pragma once
// The sleep of a parked request (Wait in message.h) without a thread. It ends with a wake, after
// the time that the handler has named, when the client disconnects, or when the server stops.
//
// Threads: the I/O thread only; the wake that the handler gets may be called from any thread.

#include <memory>

#include <boost/asio/awaitable.hpp>

#include "control-plane/http/message.h"
#include "control-plane/http/stream.h"
#include "control-plane/http/wake_channel.h"

namespace agent_secrets::control_plane {

class Parking {
 public:
  // The socket must outlive the Parking.
  Parking(Socket& socket, std::shared_ptr<WakeChannel> channel);

  // False: the client has disconnected. At most one sleep at a time; no other operation of the
  // socket may run meanwhile. A wake before the sleep begins is not lost: it is posted to this
  // thread, which runs it only after the sleep has begun.
  boost::asio::awaitable<bool> sleep(const Wait& wait);
  // Ends the sleep, if there is one.
  void wake();

 private:
  class Bell;
  Socket& socket_;
  std::shared_ptr<WakeChannel> channel_;
  std::shared_ptr<Bell> bell_;  // while asleep
};

}  // namespace agent_secrets::control_plane
