#pragma once
// An answer that is made after the work of its request on a worker thread has ended, for example
// when a commit is done (Later in message.h). Neither a worker nor a turn waits for it.
//
// Threads: give() from any, once; wait() on the I/O thread, once.

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "control-plane/http/message.h"

namespace agent_secrets::control_plane {

class LateAnswer : public std::enable_shared_from_this<LateAnswer> {
 public:
  // `executor`: of the connection. The I/O thread stays in its loop until the answer is given.
  explicit LateAnswer(const boost::asio::any_io_executor& executor) : guard_(executor) {}

  void give(Response response) {
    boost::asio::post(guard_.get_executor(),
                      [self = shared_from_this(), response = std::move(response)]() mutable {
                        self->arrive(std::move(response));
                      });
  }

  boost::asio::awaitable<Response> wait() {
    namespace asio = boost::asio;
    if (response_) co_return std::move(*response_);
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Response)>(
        [this](auto handler) { waiting_ = std::move(handler); }, asio::use_awaitable);
  }

 private:
  void arrive(Response response) {
    guard_.reset();
    if (waiting_) return std::exchange(waiting_, nullptr)(std::move(response));
    response_ = std::move(response);
  }

  boost::asio::executor_work_guard<boost::asio::any_io_executor> guard_;
  // Used on the I/O thread only.
  std::optional<Response> response_;
  std::move_only_function<void(Response)> waiting_;
};

}  // namespace agent_secrets::control_plane
