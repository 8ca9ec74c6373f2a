#include "control-plane/http/turns.h"

#include <chrono>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace agent_secrets::control_plane {

namespace asio = boost::asio;

Turns::Turns(asio::any_io_executor executor, int at_once)
    : executor_(std::move(executor)), at_once_(at_once) {}

asio::awaitable<void> Turns::wait(const std::string& queue, int at_most) {
  std::shared_ptr<asio::steady_timer> bell;
  {
    const std::scoped_lock lock(mutex_);
    Queue& mine = queues_[queue];
    mine.at_most = at_most;
    if (running_ < at_once_ && mine.running < at_most && mine.waiting.empty()) {
      ++running_;
      ++mine.running;
      last_ = queue;
      co_return;
    }
    bell = std::make_shared<asio::steady_timer>(executor_,
                                                std::chrono::steady_clock::time_point::max());
    mine.waiting.push_back(bell);
    ++waiting_;
  }
  co_await bell->async_wait(asio::as_tuple(asio::use_awaitable));
}

// A timer is cancelled on the I/O thread, after its wait has begun there.
void Turns::end(const std::string& queue) {
  const std::scoped_lock lock(mutex_);
  const auto ended = queues_.find(queue);
  --running_;
  --ended->second.running;
  if (ended->second.running == 0 && ended->second.waiting.empty()) queues_.erase(ended);
  if (waiting_ == 0 || is_beginning_) return;
  is_beginning_ = true;
  asio::post(executor_, [this] { begin_next(); });
}

// Chooses the queue after the queue with the last turn, in the order of the names.
void Turns::begin_next() {
  const std::scoped_lock lock(mutex_);
  is_beginning_ = false;
  auto next = queues_.upper_bound(last_);
  for (std::size_t seen = 0; seen < queues_.size() && running_ < at_once_; ++seen, ++next) {
    if (next == queues_.end()) next = queues_.begin();
    Queue& queue = next->second;
    if (queue.waiting.empty() || queue.running >= queue.at_most) continue;
    ++running_;
    ++queue.running;
    last_ = next->first;
    queue.waiting.front()->cancel();
    queue.waiting.pop_front();
    --waiting_;
  }
}

}  // namespace agent_secrets::control_plane
