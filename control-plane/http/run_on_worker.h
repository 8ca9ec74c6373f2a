#pragma once
// Runs a function on a worker thread, and continues the calling coroutine on its own executor.
//
// Threads: call it on the I/O thread. `work` must stay valid until it has run; exceptions of `work`
// leave the co_await.

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

// `Result` has a default constructor.
template <typename Result, typename Work>
boost::asio::awaitable<Result> run_on_worker(Workers& workers, const Work& work) {
  namespace asio = boost::asio;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&,
                                          void(std::exception_ptr, Result)>(
      [&workers, &work](auto handler) {
        // The guard keeps the I/O thread in its loop while only a worker is busy.
        auto guard = asio::make_work_guard(asio::get_associated_executor(handler));
        workers.post([&work, handler = std::move(handler), guard = std::move(guard)]() mutable {
          Result result;
          std::exception_ptr failure;
          try {
            result = work();
          } catch (...) {
            failure = std::current_exception();
          }
          const auto executor = guard.get_executor();
          asio::post(executor, [handler = std::move(handler), failure, guard = std::move(guard),
                                result = std::move(result)]() mutable {
            std::move(handler)(failure, std::move(result));
          });
        });
      },
      asio::use_awaitable);
}

}  // namespace agent_secrets::control_plane
