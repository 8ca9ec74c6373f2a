#include "control-plane/http/connection.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/vector_body.hpp>
#include <poll.h>

#include "control-plane/http/target.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t kReadSize = 16 * 1024;
// Holds a whole header, which the parser wants in one piece, and one read beyond it.
constexpr std::size_t kReadBuffer = limits::kRequestHeader + 2 * kReadSize;
constexpr std::chrono::seconds kParkedMax{120};
constexpr std::chrono::seconds kHangupRecheck{1};
constexpr std::uint64_t kLingerBytes = 64 * 1024 * 1024;
constexpr std::chrono::seconds kLingerBody{10};
constexpr std::chrono::seconds kLingerEnd{2};
// Between two attempts to cancel what is going on past its deadline.
constexpr std::chrono::milliseconds kCancelAgain{100};

int status_of(const error_code& error) {
  if (error == http::error::body_limit) return 413;
  if (error == http::error::header_limit) return 431;
  return 400;
}

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lowered;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// Runs a subscription's cancellation however the parking ends.
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

std::int64_t microseconds_since(steady_clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began).count();
}

std::chrono::seconds unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

// A request while it arrives. Body and header fields live in wiped memory; the copies that
// `request` holds of the header are wiped here.
struct Connection::Incoming {
  using Allocator = WipingAllocator<char>;
  using Parser = http::request_parser<http::vector_body<char, Allocator>, Allocator>;

  explicit Incoming(ConnectionContext& shared) : context(shared) {
    parser.eager(false);  // stops after the header, so that make_room() comes before the body
    parser.header_limit(limits::kRequestHeader);
    parser.body_limit(limits::kRequestBody);
  }
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  ~Incoming() {
    context.body_bytes -= body_bytes;
    for (auto& [name, value] : request.headers) wipe_memory(value.data(), value.size());
  }

  // From what the parser has: after an error that may be less than a whole header. False: 400.
  bool fill_request();
  [[nodiscard]] bool wants_continue() const {
    return parser.is_header_done() && !parser.is_done() && parser.get().version() == 11 &&
           expects_continue();
  }
  // What a client that was refused is still going to send.
  [[nodiscard]] std::uint64_t unread_body() const;
  [[nodiscard]] bool expects_continue() const {
    return lower_case(view(parser.get()[http::field::expect])) == "100-continue";
  }

  ConnectionContext& context;
  std::uint64_t body_bytes = 0;  // its part of the context's
  Parser parser;
  Request request;
  int status = 400;  // when it is bad
  bool continued = false;
  bool expecting_continue = false;  // refused before it sent its body
  steady_clock::time_point began;
};

bool Connection::Incoming::fill_request() {
  const auto& message = parser.get();
  request.method = view(message.method_string());
  for (const auto& field : message) {
    std::string& value = request.headers[lower_case(view(field.name_string()))];
    if (!value.empty()) value += ", ";
    value += view(field.value());
  }
  request.body = std::string_view(message.body().data(), message.body().size());
  const bool has_host = message.version() < 11 || message.count(http::field::host) == 1;
  return parse_target(view(message.target()), request) && has_host;
}

// From the field: the parser gives its own reading of it only once it has accepted the header.
std::uint64_t Connection::Incoming::unread_body() const {
  if ((status != 413 && status != 503) || expecting_continue) return 0;
  const std::string_view text = view(parser.get()[http::field::content_length]);
  std::uint64_t length = kLingerBytes;
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

// What a parked request sleeps on.
struct Connection::Bell {
  explicit Bell(const asio::any_io_executor& executor) : timer(executor), recheck(executor) {}
  asio::steady_timer timer;
  asio::steady_timer recheck;
  bool client_gone = false;
};

Connection::Connection(std::unique_ptr<Stream> stream, ConnectionContext& context)
    : stream_(std::move(stream)),
      context_(context),
      buffer_(kReadBuffer),
      timer_(stream_->socket().get_executor()) {}

asio::awaitable<void> Connection::run() {
  arm(context_.options.request_timeout);
  // Not `while (co_await …) {}`: GCC 12 compiles that into a trap.
  bool alive = co_await stream_->handshake();
  while (alive) alive = co_await serve_one();
  disarm();
  abort();
}

void Connection::stop() {
  if (idle_) abort();
  if (bell_) bell_->timer.cancel();
}

void Connection::abort() {
  error_code ignored;  // closed is closed
  (void)stream_->socket().close(ignored);
}

// One deadline at a time covers whatever the connection is waiting for.
void Connection::arm(std::chrono::milliseconds time) {
  timed_out_ = false;
  deadline_ = steady_clock::now() + time;
  timer_.expires_at(deadline_);
  watch_deadline();
}

// An operation that has completed, but that the coroutine has not seen yet, is beyond cancel(), and
// the next one would begin with nothing armed: cancelled until disarmed.
void Connection::watch_deadline() {
  timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    // The timer may have been armed anew after this completion was queued.
    if (error || !self || steady_clock::now() < self->deadline_) return;
    self->timed_out_ = true;
    error_code ignored;
    (void)self->stream_->socket().cancel(ignored);
    self->timer_.expires_after(kCancelAgain);
    self->watch_deadline();
  });
}

void Connection::disarm() {
  deadline_ = steady_clock::time_point::max();
  timer_.cancel();
}

// True: the connection lives on.
asio::awaitable<bool> Connection::serve_one() {
  Incoming incoming(context_);
  const Received received = co_await receive(incoming);
  if (received == Received::nothing) co_return false;
  disarm();
  const bool understood = incoming.fill_request() && received == Received::request;
  std::unique_ptr<Response> response;
  if (understood) {
    response = co_await answer(incoming.request);
    if (!response) co_return false;
  } else {
    response =
        std::make_unique<Response>(context_.router.refuse(incoming.request, incoming.status));
  }
  const bool close = !understood || context_.stopping || !incoming.parser.get().keep_alive();
  const std::string text =
      response_text(*response, {.head = incoming.request.method == "HEAD",
                                .close = close,
                                .http_1_0 = incoming.parser.get().version() < 11,
                                .date = unix_seconds()});
  arm(context_.options.request_timeout);
  const bool written = co_await stream_->write(text);
  const auto organization = incoming.request.params.find("org");
  context_.log.info("request",
                    {{"method", std::string_view(incoming.request.method).substr(0, 16)},
                     {"route", context_.router.route_of(incoming.request)},
                     {"status", response->status},
                     {"bytes", text.size()},
                     {"duration_us", microseconds_since(incoming.began)},
                     {"organization", organization == incoming.request.params.end()
                                          ? std::string_view()
                                          : std::string_view(organization->second).substr(0, 64)}});
  if (written && !understood) co_await linger(incoming.unread_body());
  if (written && understood && close) co_await stream_->finish_writing();
  co_return written && !close;
}

asio::awaitable<Connection::Received> Connection::receive(Incoming& incoming) {
  bool idle = buffer_.size() == 0;
  if (idle) buffer_.shrink_to_fit();  // frees, and so wipes, what an earlier request left
  arm(idle ? context_.options.idle_timeout : context_.options.request_timeout);
  incoming.began = steady_clock::now();
  for (;;) {
    if (!parse(incoming)) co_return Received::bad;
    if (incoming.parser.is_done()) co_return Received::request;
    // The parser takes a header or a chunk's size line whole; this one is longer than any may be.
    if (buffer_.size() > kReadBuffer - kReadSize) co_return Received::bad;
    if (!co_await send_continue(incoming)) co_return Received::nothing;
    if (!co_await read_more(idle)) {
      incoming.status = 408;
      co_return timed_out_ && !idle ? Received::bad : Received::nothing;
    }
    if (idle) {
      idle = false;
      incoming.began = steady_clock::now();
      arm(context_.options.request_timeout);
    }
  }
}

// Takes what the buffer has of the request. False: `status` says why it is refused.
bool Connection::parse(Incoming& incoming) {
  auto& parser = incoming.parser;
  while (buffer_.size() > 0 && !parser.is_done()) {
    error_code error;
    const std::size_t used = parser.put(buffer_.data(), error);
    buffer_.consume(used);
    if (error && error != http::error::need_more) {
      incoming.status = status_of(error);
      incoming.expecting_continue = incoming.expects_continue();
      return false;
    }
    if (parser.is_header_done() && !parser.eager() && !make_room(incoming)) return false;
    if (error || used == 0) break;
  }
  return true;
}

// The parser takes the memory for a body as soon as it is promised, before anybody has shown a
// token: all connections together may promise so much.
bool Connection::make_room(Incoming& incoming) {
  auto& parser = incoming.parser;
  parser.eager(true);
  if (parser.is_done()) return true;
  const std::uint64_t promised = parser.content_length().value_or(limits::kRequestBody);
  if (context_.body_bytes + promised > limits::kRequestBodies) {
    incoming.status = 503;
    incoming.expecting_continue = incoming.expects_continue();
    return false;
  }
  context_.body_bytes += promised;
  incoming.body_bytes = promised;
  return true;
}

asio::awaitable<bool> Connection::read_more(bool idle) {
  if (timed_out_ || (idle && context_.stopping)) co_return false;
  idle_ = idle;
  const std::size_t size = co_await stream_->read_some(buffer_.prepare(kReadSize));
  idle_ = false;
  buffer_.commit(size);
  co_return size > 0;
}

// RFC 9110 section 10.1.1: the client holds its body back until it hears from us.
asio::awaitable<bool> Connection::send_continue(Incoming& incoming) {
  if (incoming.continued || !incoming.wants_continue()) co_return true;
  incoming.continued = true;
  co_return co_await stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
}

// Null: the client went away while it was parked.
asio::awaitable<std::unique_ptr<Response>> Connection::answer(Request& request) {
  const auto parked_since = steady_clock::now();
  for (bool last = false;; last = context_.stopping) {
    Outcome outcome = co_await asio::co_spawn(
        context_.workers,
        [this, &request]() -> asio::awaitable<Outcome> {
          co_return context_.router.dispatch(request);
        },
        asio::use_awaitable);
    if (auto* response = std::get_if<Response>(&outcome)) {
      co_return std::make_unique<Response>(std::move(*response));
    }
    if (last) co_return std::make_unique<Response>(context_.router.refuse(request, 503));
    if (!context_.stopping && !co_await park(std::get<Wait>(outcome))) co_return nullptr;
    // Grown, even when the wake came at once: 0 means "has not waited".
    request.waited =
        std::chrono::ceil<std::chrono::milliseconds>(steady_clock::now() - parked_since);
    request.must_answer = context_.stopping;
  }
}

// False: the client went away. A wake that comes before the sleep begins is not lost: it is posted
// to this thread, which is busy here until it sleeps.
asio::awaitable<bool> Connection::park(const Wait& wait) {
  const auto bell = std::make_shared<Bell>(timer_.get_executor());
  bell->timer.expires_after(std::min<std::chrono::milliseconds>(wait.at_most, kParkedMax));
  auto wake = [channel = context_.channel, weak = std::weak_ptr(bell)] {
    channel->post([weak] {
      if (const auto alive = weak.lock()) alive->timer.cancel();
    });
  };
  const Subscription subscription(wait.subscribe ? wait.subscribe(std::move(wake))
                                                 : std::function<void()>());
  bell_ = bell;
  watch_for_hangup(bell);
  co_await bell->timer.async_wait(kAwait);
  bell_.reset();
  bell->recheck.cancel();
  error_code ignored;
  (void)stream_->socket().cancel(ignored);  // the watch
  co_return !bell->client_gone;
}

void Connection::watch_for_hangup(const std::shared_ptr<Bell>& bell) {
  stream_->socket().async_wait(
      asio::ip::tcp::socket::wait_read,
      [self = shared_from_this(), weak = std::weak_ptr(bell)](const error_code& error) {
        const auto alive = weak.lock();
        if (!error && alive) self->check_hangup(alive);
      });
}

// Readable means that the client is gone, or that bytes wait: a pipelined request, or the goodbye
// of TLS, whose end of stream follows. The bytes stay where they are; the end shows in poll(2).
void Connection::check_hangup(const std::shared_ptr<Bell>& bell) {
  pollfd socket{.fd = stream_->socket().native_handle(), .events = POLLRDHUP, .revents = 0};
  if (::poll(&socket, 1, 0) != 0) {
    bell->client_gone = true;
    bell->timer.cancel();
    return;
  }
  bell->recheck.expires_after(kHangupRecheck);
  bell->recheck.async_wait(
      [self = shared_from_this(), weak = std::weak_ptr(bell)](const error_code& error) {
        const auto alive = weak.lock();
        if (!error && alive) self->check_hangup(alive);
      });
}

// First the rest of the body that the client is busy sending: some clients look for an answer only
// then, and take an early end of our stream for a failure. Then our end, then theirs.
asio::awaitable<void> Connection::linger(std::uint64_t still_expected) {
  std::uint64_t dropped = buffer_.size();
  buffer_.clear();
  arm(kLingerBody);
  while (!timed_out_ && dropped < std::min(still_expected, kLingerBytes)) {
    const std::size_t size = co_await stream_->read_some(buffer_.prepare(kReadSize));
    if (size == 0) co_return;
    dropped += size;
  }
  arm(kLingerEnd);
  co_await stream_->finish_writing();
  for (std::size_t size = 1; size > 0 && !timed_out_ && dropped < kLingerBytes; dropped += size) {
    size = co_await stream_->read_some(buffer_.prepare(kReadSize));
  }
}

}  // namespace agent_secrets::control_plane
