#include "control-plane/http/deadline.h"

#include <boost/asio/steady_timer.hpp>

namespace agent_secrets::control_plane {
namespace {

using boost::system::error_code;
using std::chrono::steady_clock;

// The pause between two attempts to cancel an operation after its deadline.
constexpr std::chrono::milliseconds kCancelAgain{100};

}  // namespace

// The handler of an ended timer may run after the connection is gone, so it holds this weakly.
class Deadline::Timer : public std::enable_shared_from_this<Timer> {
 public:
  explicit Timer(Socket& socket) : socket_(socket), timer_(socket.get_executor()) {}

  void arm(std::chrono::milliseconds time) {
    has_passed_ = false;
    deadline_ = steady_clock::now() + time;
    if (!is_set_ || timer_.expiry() > deadline_) set(deadline_);
  }
  void disarm() { deadline_ = steady_clock::time_point::max(); }
  void end() { timer_.cancel(); }
  [[nodiscard]] bool has_passed() const { return has_passed_; }

 private:
  void set(steady_clock::time_point moment) {
    is_set_ = true;
    timer_.expires_at(moment);
    timer_.async_wait([weak = weak_from_this()](const error_code& error) {
      const auto self = weak.lock();
      if (!error && self) self->check();
    });
  }

  // cancel() has no effect on an operation that has completed but that the coroutine has not seen
  // yet, and the coroutine's next operation would have no deadline. So cancel again until the
  // deadline is disarmed.
  void check() {
    is_set_ = false;
    if (deadline_ == steady_clock::time_point::max()) return;
    const auto now = steady_clock::now();
    if (now < deadline_) return set(deadline_);
    has_passed_ = true;
    error_code ignored;  // an error here does not matter: the socket is closed
    (void)socket_.cancel(ignored);
    set(now + kCancelAgain);
  }

  Socket& socket_;
  boost::asio::steady_timer timer_;
  steady_clock::time_point deadline_ = steady_clock::time_point::max();
  bool is_set_ = false;
  bool has_passed_ = false;
};

Deadline::Deadline(Socket& socket) : timer_(std::make_shared<Timer>(socket)) {}
Deadline::~Deadline() = default;

void Deadline::arm(std::chrono::milliseconds time) { timer_->arm(time); }
void Deadline::disarm() { timer_->disarm(); }
bool Deadline::has_passed() const { return timer_->has_passed(); }
void Deadline::end() { timer_->end(); }

}  // namespace agent_secrets::control_plane
