#pragma once
// Whose request runs next on the worker threads. Each account (or, before there is one, each
// address) has a queue of its own, and the queues take turns, so that one client's thousand
// requests delay another's single one by a turn, not by a thousand. The stores run one transaction
// at a time, so more than a few at once of one account would only make the others wait for the
// store's mutex.
//
// Threads: the server's I/O thread only.

#include <deque>
#include <map>
#include <memory>
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

  // Waits for a turn of `queue`, of which at most `at_most` run at once: always the same number for
  // one name. Whoever gets a turn makes a Turn of the same name at once, which ends it.
  boost::asio::awaitable<void> wait(const std::string& queue, int at_most);

  class Turn {
   public:
    Turn(Turns& turns, std::string queue) : turns_(turns), queue_(std::move(queue)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { turns_.end(queue_); }

   private:
    Turns& turns_;
    std::string queue_;
  };

 private:
  struct Queue {
    int running = 0;
    int at_most = 1;
    std::deque<std::shared_ptr<boost::asio::steady_timer>> waiting;  // cancelled: its turn
  };
  void end(const std::string& queue);
  void begin_next();

  boost::asio::any_io_executor executor_;
  int at_once_;
  int running_ = 0;
  std::map<std::string, Queue> queues_;  // with something that runs or waits
  std::string last_;                     // the queue that had the last turn
};

}  // namespace agent_secrets::control_plane
