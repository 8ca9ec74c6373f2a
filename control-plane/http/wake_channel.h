#pragma once
// Lets other threads run a function on the server's I/O thread. Holders of a channel (a change hub,
// a handler that finishes late) may outlive the server: after close() a post() has no effect.
//
// Threads: post() from any; close() from the server's owner.

#include <functional>
#include <mutex>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace agent_secrets::control_plane {

class WakeChannel {
 public:
  explicit WakeChannel(boost::asio::io_context& io) : io_(&io) {}

  void post(std::function<void()> function) {
    const std::lock_guard lock(mutex_);
    if (io_ != nullptr) boost::asio::post(*io_, std::move(function));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }

 private:
  std::mutex mutex_;
  boost::asio::io_context* io_;
};

}  // namespace agent_secrets::control_plane
