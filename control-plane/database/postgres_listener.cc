#include "control-plane/database/postgres_listener.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "control-plane/database/failure.h"
#include "control-plane/database/postgres_values.h"
#include "core/limits.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::string_view kSend = "SELECT 1 AS sent FROM pg_notify(?1, ?2)";
constexpr std::string_view kProbe =
    "SELECT 1 AS listens FROM pg_listening_channels() AS name WHERE name = ?1";

void sleep_for(milliseconds pause, const std::stop_token& stop) {
  std::mutex sleeping;
  std::condition_variable_any woken;
  std::unique_lock lock(sleeping);
  woken.wait_for(lock, stop, pause, [] { return false; });
}

}  // namespace

PostgresListener::PostgresListener(const PostgresOptions& options, NoticeQueue& outgoing,
                                   NoticeHandler heard, const Log& log)
    : options_(options), outgoing_(outgoing), heard_(std::move(heard)), log_(log) {}

Result<std::unique_ptr<NoticeListener>> PostgresListener::start(const PostgresOptions& options,
                                                                NoticeQueue& outgoing,
                                                                NoticeHandler heard,
                                                                const Log& log) {
  if (outgoing.descriptor() < 0) {
    return fail(ErrorCode::failed, "listen for notices: no file descriptor is left",
                "raise the limit of open files (ulimit -n)");
  }
  std::unique_ptr<PostgresListener> listener(
      new PostgresListener(options, outgoing, std::move(heard), log));
  auto thread = start_thread<std::jthread>(
      "notices", [&self = *listener](const std::stop_token& stop) { self.run(stop); });
  if (!thread) return propagate(thread);
  listener->thread_ = std::move(*thread);
  return listener;
}

void PostgresListener::run(const std::stop_token& stop) {
  const std::stop_callback interrupt(stop, [this] { outgoing_.wake(); });
  while (!stop.stop_requested()) {
    const Error why = serve_one_connection(stop);
    connected_ = false;
    if (stop.stop_requested()) return;
    if (!std::exchange(failing_, true)) {
      log_.warning("notices of other processes do not arrive; changes are looked for every second",
                   {{"schema", options_.schema}, {"cause", why.message}});
    }
    sleep_for(pause_, stop);
    pause_ = std::min(2 * pause_, kPauseMax);
  }
}

Error PostgresListener::serve_one_connection(const std::stop_token& stop) {
  auto connection = PostgresConnection::open(options_);
  if (!connection) return std::move(connection.error());
  try {
    (*connection)->listen(options_.schema);
    connected_ = true;
    heard_("");
    pass_notices(**connection, stop);
    return {};
  } catch (const DatabaseFailure& failure) {
    return failure.error();
  }
}

void PostgresListener::pass_notices(PostgresConnection& connection, const std::stop_token& stop) {
  auto probe_at = steady_clock::now() + limits::kListenerProbe;
  while (!stop.stop_requested()) {
    send(connection);
    for (const std::string& notice : connection.take_notices()) heard_(notice);
    const auto left = std::chrono::ceil<milliseconds>(probe_at - steady_clock::now());
    if (left.count() > 0) {
      connection.await_notices(outgoing_.descriptor(), left);
    } else {
      probe(connection);
      probe_at = steady_clock::now() + limits::kListenerProbe;
    }
  }
}

void PostgresListener::send(PostgresConnection& connection) {
  const auto notices = outgoing_.take();
  if (notices.empty()) return;
  for (const std::string& notice : notices) {
    const std::array<Value, 2> values{Value(options_.schema), Value(notice)};
    connection.queue(kSend, values);
  }
  connection.run_queued();
}

void PostgresListener::probe(PostgresConnection& connection) {
  const std::array<Value, 1> values{Value(options_.schema)};
  connection.queue(kProbe, values);
  const auto answers = connection.run_queued();
  if (rows_of(answers.front().get()).empty()) {
    throw DatabaseFailure({.code = ErrorCode::failed,
                           .message = "the server has forgotten that this connection listens: is "
                                      "there a pooler such as PgBouncer in transaction mode?"});
  }
  pause_ = kPauseFirst;
  if (std::exchange(failing_, false)) {
    log_.info("notices of other processes arrive again", {{"schema", options_.schema}});
  }
}

}  // namespace agent_secrets::control_plane
