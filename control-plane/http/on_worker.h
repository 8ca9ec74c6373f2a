#pragma once
// Runs work on a worker thread. The calling coroutine waits, and continues on its own executor.
//
// Threads: call both functions on the I/O thread. `work` must stay valid until the coroutine
// continues.

#include <exception>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "control-plane/http/workers.h"

namespace agent_secrets::control_plane {

// Lets the coroutine continue with a result. Exactly one call, on any thread. `Handler` is the
// completion handler that Asio made for the coroutine.
template <typename Result, typename Handler>
class Continuation {
 public:
  explicit Continuation(Handler handler)
      : handler_(std::move(handler)),
        guard_(boost::asio::make_work_guard(boost::asio::get_associated_executor(handler_))) {}

  void operator()(Result result) { post(nullptr, std::move(result)); }
  // The exception leaves the co_await.
  void fail(std::exception_ptr failure) { post(std::move(failure), Result()); }

 private:
  void post(std::exception_ptr failure, Result result) {
    const auto executor = guard_.get_executor();
    boost::asio::post(executor,
                      [handler = std::move(handler_), guard = std::move(guard_),
                       failure = std::move(failure), result = std::move(result)]() mutable {
                        std::move(handler)(std::move(failure), std::move(result));
                      });
  }

  Handler handler_;
  // Keeps the I/O thread in its loop while only another thread is busy.
  decltype(boost::asio::make_work_guard(
      boost::asio::get_associated_executor(std::declval<Handler&>()))) guard_;
};

// `work(continuation)` calls the Continuation, or moves it to what will call it, perhaps after the
// work has ended. The work must not throw. `Result` has a default constructor.
template <typename Result, typename Work>
boost::asio::awaitable<Result> continue_from_worker(Workers& workers, const Work& work) {
  namespace asio = boost::asio;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&,
                                          void(std::exception_ptr, Result)>(
      [&workers, &work](auto handler) {
        workers.post([&work, continuation = Continuation<Result, decltype(handler)>(
                                 std::move(handler))]() mutable { work(continuation); });
      },
      asio::use_awaitable);
}

// The result of work(), whose exceptions leave the co_await.
template <typename Result, typename Work>
boost::asio::awaitable<Result> run_on_worker(Workers& workers, const Work& work) {
  const auto run = [&work](auto& continuation) {
    Result result;
    try {
      result = work();
    } catch (...) {
      return continuation.fail(std::current_exception());
    }
    continuation(std::move(result));
  };
  co_return co_await continue_from_worker<Result>(workers, run);
}

}  // namespace agent_secrets::control_plane
