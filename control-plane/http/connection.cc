#include "control-plane/http/connection.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "control-plane/http/on_worker.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;
using Progress = Incoming::Progress;

constexpr std::size_t kReadSize = 16 * 1024;
// The buffer size of a connection that may stay idle for long.
constexpr std::size_t kIdleReadSize = 2 * 1024;
// Room for a whole header, which the parser needs in one piece, and one more read.
constexpr std::size_t kReadBuffer = limits::kRequestHeader + 2 * kReadSize;
constexpr std::uint64_t kLingerBytes = 64 * 1024 * 1024;
constexpr std::chrono::seconds kLingerBody{10};
constexpr std::chrono::seconds kLingerEnd{2};

std::chrono::microseconds since(steady_clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began);
}

std::chrono::seconds unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

void run_until_done(Workers& workers, Later::Rest rest) {
  workers.post([&workers, rest = std::move(rest)]() mutable {
    if (rest()) run_until_done(workers, std::move(rest));
  });
}

// The connection continues with the answer, and may then end at once: nothing of it is used here.
template <typename Continuation>
void start_later(Dispatched dispatched, Continuation continuation, Workers& workers) {
  const Later later = std::get<Later>(std::move(dispatched.outcome));
  auto rest = later.start([account = std::move(dispatched.account),
                           continuation = std::move(continuation)](Response response) mutable {
    continuation(Dispatched{.account = std::move(account), .outcome = std::move(response)});
  });
  if (rest) run_until_done(workers, std::move(rest));
}

std::string_view organization_of(const Request& request) {
  const auto organization = request.params.find("org");
  if (organization == request.params.end()) return {};
  return std::string_view(organization->second).substr(0, 64);
}

}  // namespace

ConnectionContext::ConnectionContext(const ServerOptions& server_options,
                                     const Router& server_router, const Log& server_log,
                                     HttpCounters& server_counters, asio::io_context& io,
                                     Workers& pool)
    : options(server_options),
      router(server_router),
      log(server_log),
      counters(server_counters),
      workers(pool),
      channel(std::make_shared<WakeChannel>(io)),
      turns(io.get_executor(), options.worker_threads),
      seats(static_cast<std::size_t>(options.max_connections)),
      bodies(limits::kRequestBodies, {.numerator = 1, .denominator = 2}),
      answers(limits::kAnswers, {.numerator = 1, .denominator = 2}),
      failures(log) {}

Connection::Connection(std::unique_ptr<Stream> stream, std::string address,
                       ConnectionContext& context)
    : stream_(std::move(stream)),
      context_(context),
      buffer_(kReadBuffer),
      deadline_(stream_->socket()),
      parking_(stream_->socket(), context.channel),
      seat_(context.seats, std::move(address), steady_clock::now(), [this] {
        ++context_.counters.closed_connections;
        abort();
      }) {}

asio::awaitable<void> Connection::run() {
  deadline_.arm(header_time());
  // Not `while (co_await …) {}`: GCC 12 compiles that into a trap.
  bool alive = co_await stream_->handshake();
  while (alive) alive = co_await serve_one();
  deadline_.end();
  abort();
}

void Connection::stop() {
  if (idle_) abort();
  parking_.wake();
}

void Connection::abort() {
  error_code ignored;  // an error here does not matter: the socket is closed
  (void)stream_->socket().close(ignored);
}

// A stranger has less time.
std::chrono::seconds Connection::bounded(std::chrono::seconds time) const {
  return seat_.is_strangers() ? std::min(time, context_.options.stranger_timeout) : time;
}

std::chrono::seconds Connection::header_time() const {
  return bounded(context_.options.request_timeout);
}

// True: the connection stays open.
asio::awaitable<bool> Connection::serve_one() {
  Incoming incoming;
  incoming.request.address = seat_.address();
  std::unique_ptr<Response> response = co_await respond(incoming);
  body_.give_back();
  if (!response) co_return false;
  const bool close = incoming.refused || context_.stopping || !incoming.keep_alive || !keeps_seat_;
  const bool written = co_await write(incoming, std::move(response), close);
  if (written && incoming.refused) co_await linger(incoming.unread_body(kLingerBytes));
  if (written && !incoming.refused && close) co_await stream_->finish_writing();
  co_return written && !close;
}

// Null: the client went away.
asio::awaitable<std::unique_ptr<Response>> Connection::respond(Incoming& incoming) {
  Progress progress = co_await receive(incoming);
  if (progress == Progress::header || progress == Progress::whole) {
    incoming.route = context_.router.route_of(incoming.request);
    auto at_once = context_.router.answer_at_once(incoming.route, incoming.request);
    if (at_once) {
      deadline_.disarm();
      incoming.refused = progress == Progress::header;  // its body is not read
      co_return std::make_unique<Response>(std::move(*at_once));
    }
  }
  if (progress == Progress::header && takes_small_body(incoming)) {
    progress = co_await receive(incoming);
  } else if (progress == Progress::header) {
    auto refusal = co_await admit_body(incoming);
    if (refusal) {
      incoming.refused = true;
      co_return refusal;
    }
    progress = co_await receive(incoming);
  }
  deadline_.disarm();
  if (progress == Progress::more) co_return nullptr;
  if (progress == Progress::whole) co_return co_await answer(incoming);
  incoming.refused = true;
  if (incoming.status == 408) ++context_.counters.slow_requests;
  if (incoming.status == 413 || incoming.status == 431) ++context_.counters.refused_sizes;
  co_return std::make_unique<Response>(context_.router.refuse(incoming.request, incoming.status));
}

// `more`: the client went away.
asio::awaitable<Progress> Connection::receive(Incoming& incoming) {
  const bool begins = incoming.began == steady_clock::time_point();
  bool idle = begins && buffer_.size() == 0;
  if (idle) buffer_.shrink_to_fit();  // frees, and so wipes, the bytes of an earlier request
  if (begins) incoming.began = steady_clock::now();
  if (begins) deadline_.arm(idle ? bounded(context_.options.idle_timeout) : header_time());
  for (;;) {
    const Progress progress = incoming.take(buffer_);
    if (progress != Progress::more) co_return progress;
    // The parser needs a whole header or chunk-size line; this line is over the limit.
    if (buffer_.size() > kReadBuffer - kReadSize) co_return Progress::bad;
    const bool arrived = co_await read_more(idle);
    if (!arrived) {
      incoming.status = 408;
      co_return deadline_.has_passed() && !idle ? Progress::bad : Progress::more;
    }
    if (idle) {
      idle = false;
      incoming.began = steady_clock::now();
      deadline_.arm(header_time());
    }
  }
}

asio::awaitable<bool> Connection::read_more(bool idle) {
  if (deadline_.has_passed() || (idle && context_.stopping)) co_return false;
  idle_ = idle;
  if (idle) seat_.may_go();
  const std::size_t size =
      co_await stream_->read_some(buffer_.prepare(idle ? kIdleReadSize : kReadSize));
  idle_ = false;
  if (!seat_.is_strangers()) seat_.stays();
  buffer_.commit(size);
  co_return size > 0;
}

// Before the account is known, a request waits in its address's queue. Writes have a separate
// queue, so that the account's reads can run meanwhile.
Connection::Queue Connection::queue_of(bool writes) const {
  if (account_.empty()) {
    return {.name = "address " + seat_.address(), .at_most = limits::kReadsPerAddress};
  }
  if (writes) return {.name = "write " + account_, .at_most = limits::kWritesPerAccount};
  return {.name = "read " + account_, .at_most = limits::kReadsPerAccount};
}

// False: the account has used up its share of connections, and this connection closes after its
// answer.
bool Connection::belong_to(std::string account) {
  account_ = std::move(account);
  keeps_seat_ = seat_.belong_to(account_);
  return keeps_seat_;
}

// The first step of the request's route. Needs a turn.
asio::awaitable<Admission> Connection::ask_route(Request& request) {
  const auto admit = [this, &request] { return context_.router.admit(request); };
  co_return co_await run_on_worker<Admission>(context_.workers, admit);
}

// Make a Turn at once after it.
asio::awaitable<void> Connection::wait_for_turn(const Queue& queue) {
  const Tallied waiting(context_.counters.waiting_requests);
  co_await context_.turns.wait(queue.name, queue.at_most);
}

asio::awaitable<Admission> Connection::wait_and_ask_route(Request& request) {
  seat_.stays();
  const Queue queue = queue_of(false);
  co_await wait_for_turn(queue);
  const Turns::Turn turn(context_.turns, queue.name);
  const Tallied answered(context_.counters.answered_requests);
  co_return co_await ask_route(request);
}

// If clients have left much unread already, refuses a GET of an account whose answer might not fit
// into its share, before the answer is made. Needs the turn in which the answer would be made: a
// thousand requests that arrive at once would all find room before they wait for their turns.
// Null: continue.
asio::awaitable<std::unique_ptr<Response>> Connection::refuse_deaf(Request& request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const bool waited = request.waited > std::chrono::milliseconds(0);  // a long poll: a small answer
  if (!reads || waited || context_.answers.taken() < limits::kAnswers / 4) co_return nullptr;
  const Admission admission = co_await ask_route(request);
  const auto* admitted = std::get_if<Admitted>(&admission);
  if (admitted == nullptr) co_return nullptr;
  if (context_.answers.left_for(admitted->account) >= limits::kResponseBody) co_return nullptr;
  belong_to(admitted->account);
  ++context_.counters.refused_answers;
  co_return std::make_unique<Response>(refuse(request, 429, limits::kBusyRetry));
}

// True if the buffer holds the whole body and the body has memory. The memory counts towards the
// share of the connection's account, although the request may name another account.
bool Connection::takes_small_body(Incoming& incoming) {
  if (account_.empty() || !incoming.has_arrived(buffer_)) return false;
  const std::uint64_t size = incoming.promised_body(limits::kSmallBody);
  if (size > limits::kSmallBody) return false;
  if (context_.bodies.take(account_, size, body_) != SharedBudget::Verdict::taken) return false;
  incoming.begin_body(limits::kSmallBody);
  return true;
}

// Runs the first step of the request's route, and reserves memory for the body. Null: the body may
// be received.
asio::awaitable<std::unique_ptr<Response>> Connection::admit_body(Incoming& incoming) {
  deadline_.disarm();
  Admission admission = co_await wait_and_ask_route(incoming.request);
  if (auto* response = std::get_if<Response>(&admission)) {
    belong_to({});
    incoming.status = response->status;
    co_return checked(incoming.request, std::move(*response));
  }
  auto refusal = make_room(incoming, std::get<Admitted>(admission));
  if (refusal) co_return refusal;
  deadline_.arm(context_.options.request_timeout);
  if (incoming.expects_continue()) {
    const bool written = co_await stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!written) abort();  // the next read reports the error
  }
  co_return nullptr;
}

// Reserves as much memory as the parser takes: the body size that the header announces.
std::unique_ptr<Response> Connection::make_room(Incoming& incoming, const Admitted& admitted) {
  belong_to(admitted.account);
  const std::uint64_t promised = incoming.promised_body(admitted.body_max);
  incoming.status = 413;
  if (promised > admitted.body_max) {
    ++context_.counters.refused_sizes;
  } else {
    const auto verdict = context_.bodies.take(admitted.account, promised, body_);
    if (verdict == SharedBudget::Verdict::taken) {
      incoming.begin_body(admitted.body_max);
      return nullptr;
    }
    ++context_.counters.refused_bodies;
    incoming.status = verdict == SharedBudget::Verdict::account_full ? 429 : 503;
  }
  return std::make_unique<Response>(refuse(incoming.request, incoming.status, limits::kBusyRetry));
}

// Null: the client went away while it was parked.
asio::awaitable<std::unique_ptr<Response>> Connection::answer(Incoming& incoming) {
  Request& request = incoming.request;
  const bool writes = request.method != "GET" && request.method != "HEAD";
  const auto parked_since = steady_clock::now();
  Handler again;  // once the request has been parked
  for (bool last = false;; last = context_.stopping) {
    seat_.stays();
    const Queue queue = queue_of(writes);
    co_await wait_for_turn(queue);
    Dispatched dispatched;
    {
      Turns::Turn turn(context_.turns, queue.name);
      const Tallied answered(context_.counters.answered_requests);
      auto refusal = co_await refuse_deaf(request);
      if (refusal) co_return refusal;
      const auto dispatch = [this, &request, &again, &turn](auto& continuation) {
        Dispatched done =
            again ? Dispatched{.account = account_, .outcome = context_.router.run(again, request)}
                  : context_.router.dispatch(request);
        if (!std::holds_alternative<Later>(done.outcome)) return continuation(std::move(done));
        turn.end();
        start_later(std::move(done), std::move(continuation), context_.workers);
      };
      dispatched = co_await continue_from_worker<Dispatched>(context_.workers, dispatch);
    }
    belong_to(std::move(dispatched.account));
    if (auto* response = std::get_if<Response>(&dispatched.outcome)) {
      co_return checked(request, std::move(*response));
    }
    if (last) co_return std::make_unique<Response>(context_.router.refuse(request, 503));
    if (!keeps_seat_) {
      ++context_.counters.refused_watches;
      co_return std::make_unique<Response>(refuse(request, 429, limits::kWatchRetry));
    }
    Wait& wait = std::get<Wait>(dispatched.outcome);
    again = std::move(wait.again);
    if (!context_.stopping) {
      const Tallied parked(context_.counters.parked_requests);
      buffer_.shrink_to_fit();  // thousands of requests may be parked for minutes
      const auto parked_at = steady_clock::now();
      const bool woken = co_await parking_.sleep(wait);
      if (!woken) co_return nullptr;
      incoming.parked += steady_clock::now() - parked_at;
    }
    // At least 1 ms, even if the wake came at once: 0 means "has not waited".
    request.waited =
        std::chrono::ceil<std::chrono::milliseconds>(steady_clock::now() - parked_since);
    request.must_answer = context_.stopping;
    if (wait.at_hand && !request.must_answer) {
      auto response = wait.at_hand(request);
      if (response) co_return checked(request, std::move(*response));
    }
  }
}

// A handler's answer; 429 in place of 401 if there were too many 401s.
std::unique_ptr<Response> Connection::checked(const Request& request, Response response) {
  context_.counters.refused_callers.count(seat_.address(), response.status);
  if (response.failed) {
    ++context_.counters.failed_authentications;
    const auto wait =
        context_.failures.count(seat_.address(), *response.failed, steady_clock::now());
    if (wait) {
      ++context_.counters.throttled;
      response = refuse(request, 429, *wait);
    }
  }
  return std::make_unique<Response>(std::move(response));
}

Response Connection::refuse(const Request& request, int status,
                            std::chrono::seconds retry_after) const {
  Response response = context_.router.refuse(request, status);
  if (status == 429) {
    response.headers.emplace_back("Retry-After", std::to_string(retry_after.count()));
  }
  return response;
}

asio::awaitable<bool> Connection::write(const Incoming& incoming,
                                        std::unique_ptr<Response> response, bool close) {
  if (seat_.is_strangers()) seat_.may_go();
  int status = 0;
  SharedBudget::Hold hold;
  const std::string actor = std::move(response->actor);
  const std::string text = text_within_budget(incoming, std::move(*response), close, hold, status);
  response.reset();
  deadline_.arm(context_.options.request_timeout);
  const bool written = co_await stream_->write(text);
  count(incoming, status, text.size());
  context_.log.info("request", {{"method", std::string_view(incoming.request.method).substr(0, 16)},
                                {"route", context_.router.pattern_of(incoming.route)},
                                {"status", status},
                                {"bytes", text.size()},
                                {"duration_us", since(incoming.began).count()},
                                {"organization", organization_of(incoming.request)},
                                {"actor", actor}});
  co_return written;
}

void Connection::count(const Incoming& incoming, int status, std::size_t size) {
  const auto parked = std::chrono::duration_cast<std::chrono::microseconds>(incoming.parked);
  context_.counters.requests.count(incoming.route, {.status = status,
                                                    .duration = since(incoming.began) - parked,
                                                    .request_body = incoming.request.body.size(),
                                                    .response = size});
}

// The bytes to send: the response, or a refusal if unread answers already take too much memory. The
// response is passed by value, so that its memory is freed before the bytes are sent.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
std::string Connection::text_within_budget(const Incoming& incoming, Response response, bool close,
                                           SharedBudget::Hold& hold, int& status) {
  const ResponseFraming framing{.head = incoming.request.method == "HEAD",
                                .close = close,
                                .http_1_0 = incoming.http_1_0,
                                .date = unix_seconds()};
  status = response.status;
  std::string text = response_text(response, framing);
  if (text.size() <= limits::kSmallAnswer) return text;
  // All strangers together count as one account here: otherwise a thousand addresses would be a
  // thousand accounts.
  const auto verdict =
      context_.answers.take(account_.empty() ? "strangers" : account_, text.size(), hold);
  if (verdict == SharedBudget::Verdict::taken) return text;
  ++context_.counters.refused_answers;
  status = verdict == SharedBudget::Verdict::account_full ? 429 : 503;
  return response_text(refuse(incoming.request, status, limits::kBusyRetry), framing);
}

// First reads the rest of the body: some clients read the answer only after sending the body, and
// treat an early end of our stream as a failure. Then ends our stream, then waits for the client's
// end.
asio::awaitable<void> Connection::linger(std::uint64_t still_expected) {
  std::uint64_t dropped = buffer_.size();
  buffer_.clear();
  deadline_.arm(kLingerBody);
  while (!deadline_.has_passed() && dropped < std::min(still_expected, kLingerBytes)) {
    const std::size_t size = co_await stream_->read_some(buffer_.prepare(kReadSize));
    if (size == 0) co_return;
    dropped += size;
  }
  deadline_.arm(kLingerEnd);
  co_await stream_->finish_writing();
  for (std::size_t size = 1; size > 0 && !deadline_.has_passed() && dropped < kLingerBytes;
       dropped += size) {
    size = co_await stream_->read_some(buffer_.prepare(kReadSize));
  }
}

}  // namespace agent_secrets::control_plane
