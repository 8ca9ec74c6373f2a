#pragma once
// Runs a function on a worker thread, and continues the calling coroutine on its own executor.
//
// asio::co_spawn() on the pool does the same, but for a function without a co_await it posts to the
// pool twice, and each post may wake another worker.
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
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace agent_secrets::control_plane {

// `Result` has a default constructor.
template <typename Result, typename Work>
boost::asio::awaitable<Result> run_on_worker(boost::asio::thread_pool& workers, const Work& work) {
  namespace asio = boost::asio;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&,
                                          void(std::exception_ptr, Result)>(
      [&workers, &work](auto handler) {
        // The guard keeps the I/O thread in its loop while only a worker is busy.
        auto guard = asio::make_work_guard(asio::get_associated_executor(handler));
        asio::post(
            workers, [&work, handler = std::move(handler), guard = std::move(guard)]() mutable {
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
