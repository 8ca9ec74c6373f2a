#include "control-plane/http/parking.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <poll.h>

namespace agent_secrets::control_plane {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kParkedMax{120};
constexpr std::chrono::seconds kHangupRecheck{1};

// Cancels a subscription when the parking ends for any reason.
class Subscription {
 public:
  explicit Subscription(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  ~Subscription() {
    if (cancel_) cancel_();
  }

 private:
  std::function<void()> cancel_;
};

}  // namespace

// Lives as long as the sleep. Wakes and handlers may come later, so they hold it weakly.
class Parking::Bell : public std::enable_shared_from_this<Bell> {
 public:
  explicit Bell(Socket& socket)
      : socket_(socket), timer_(socket.get_executor()), recheck_(socket.get_executor()) {}

  void set(std::chrono::milliseconds time) { timer_.expires_after(time); }
  [[nodiscard]] auto wait() { return timer_.async_wait(kAwait); }
  void ring() { timer_.cancel(); }

  void watch_for_hangup() {
    socket_.async_wait(Socket::wait_read, [weak = weak_from_this()](const error_code& error) {
      const auto self = weak.lock();
      if (!error && self) self->check_hangup();
    });
  }
  void end_watch() {
    recheck_.cancel();
    error_code ignored;  // an error here does not matter: the socket is closed
    (void)socket_.cancel(ignored);
  }
  [[nodiscard]] bool is_client_gone() const { return is_client_gone_; }

 private:
  // A readable socket means that the client has disconnected, or that bytes have arrived: a
  // pipelined request, or close_notify of TLS, with the end of the stream after it. The bytes are
  // not read here; poll(2) reports the end.
  void check_hangup() {
    pollfd socket{.fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
    if (::poll(&socket, 1, 0) != 0) {
      is_client_gone_ = true;
      ring();
      return;
    }
    recheck_.expires_after(kHangupRecheck);
    recheck_.async_wait([weak = weak_from_this()](const error_code& error) {
      const auto self = weak.lock();
      if (!error && self) self->check_hangup();
    });
  }

  Socket& socket_;
  asio::steady_timer timer_;
  asio::steady_timer recheck_;
  bool is_client_gone_ = false;
};

Parking::Parking(Socket& socket, std::shared_ptr<WakeChannel> channel)
    : socket_(socket), channel_(std::move(channel)) {}

asio::awaitable<bool> Parking::sleep(const Wait& wait) {
  const auto bell = std::make_shared<Bell>(socket_);
  bell->set(std::min<std::chrono::milliseconds>(wait.at_most, kParkedMax));
  auto wake = [channel = channel_, weak = std::weak_ptr(bell)] {
    channel->post([weak] {
      if (const auto alive = weak.lock()) alive->ring();
    });
  };
  const Subscription subscription(wait.subscribe ? wait.subscribe(std::move(wake))
                                                 : std::function<void()>());
  bell_ = bell;
  bell->watch_for_hangup();
  co_await bell->wait();
  bell_.reset();
  bell->end_watch();
  co_return !bell->is_client_gone();
}

void Parking::wake() {
  if (bell_) bell_->ring();
}

}  // namespace agent_secrets::control_plane
