#pragma once
// Decides which request runs next on the worker threads. Each account has its own queue (before the
// account is known, each address), and the queues take turns. So a thousand requests of one client
// delay another client's request by one turn, not by a thousand. A queue also has a limit of
// requests that run at once (limits::kReadsPerAccount and its neighbours), so slow requests of one
// account leave worker threads to the other accounts.
//
// Threads: wait() on the server's I/O thread; a turn may end on any.

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace agent_secrets::control_plane {

class Turns {
 public:
  Turns(boost::asio::any_io_executor executor, int at_once);
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;
  ~Turns() = default;

  // Waits for a turn of `queue`. At most `at_most` requests of the queue run at once; use the same
  // number for each call with the same name. After the wait, make a Turn with this name at once.
  boost::asio::awaitable<void> wait(const std::string& queue, int at_most);

  class Turn {
   public:
    Turn(Turns& turns, std::string queue) : turns_(&turns), queue_(std::move(queue)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { end(); }
    // Before the destructor, which then has no effect.
    void end() {
      if (turns_ != nullptr) std::exchange(turns_, nullptr)->end(queue_);
    }

   private:
    Turns* turns_;
    std::string queue_;
  };

 private:
  struct Queue {
    int running = 0;
    int at_most = 1;
    std::deque<std::shared_ptr<boost::asio::steady_timer>> waiting;  // a turn cancels its timer
  };
  void end(const std::string& queue);
  void begin_next();

  const boost::asio::any_io_executor executor_;
  const int at_once_;
  std::mutex mutex_;
  int running_ = 0;
  int waiting_ = 0;
  bool is_beginning_ = false;            // begin_next() is posted
  std::map<std::string, Queue> queues_;  // with a running or waiting request
  std::string last_;                     // the queue that had the last turn
};

}  // namespace agent_secrets::control_plane
