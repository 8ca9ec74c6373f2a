#pragma once
// Sends and receives the notices of one PostgreSQL database (database/notices.h), on a connection
// of its own that LISTENs. The channel has the name of the schema, so the control planes of one
// server do not wake each other.
//
// Why the connection also sends: NOTIFY takes a lock on the whole server from before its commit to
// after it (PreCommit_Notify() in async.c). A change that sent its notice in its own transaction
// would hold this lock while its commit is written to disk, and all such commits would queue. So
// a notice is sent after the commit, alone, by this thread: whoever made the change never waits for
// the lock, and a full notification queue of the server fails no change.
//
// Many notices cost one call: notices that have arrived together and have one text are handled
// once, and so are those that wait to be sent. Notices of this process are not handled.
//
// A connection that is lost is opened again, after a pause of at most kPauseMax. After each connect
// the handler is called with an empty text, because notices may have been lost. Every
// limits::kListenerProbe the server is asked whether it still knows the channel. This finds a
// connection that ended without a sign (a firewall that forgot it). It does not reliably find a
// pooler that gives each transaction another connection of the server. PgBouncer in transaction
// mode accepts LISTEN and delivers nothing (pgbouncer.org/features.html); while there is little
// load it gives LISTEN and the question the same connection, so is_connected() is true and nothing
// arrives.
//
// The log has a warning when notices stop, and a line when they work again.
//
// Threads: one of its own. Source: postgresql.org/docs/15/sql-notify.html, /libpq-notify.html.

#include <atomic>
#include <chrono>
#include <memory>
#include <stop_token>
#include <thread>

#include "control-plane/database/notice_queue.h"
#include "control-plane/database/notices.h"
#include "control-plane/database/postgres_connection.h"
#include "control-plane/database/postgres_options.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class PostgresListener final : public NoticeListener {
 public:
  static constexpr std::chrono::milliseconds kPauseFirst{100};
  static constexpr std::chrono::milliseconds kPauseMax{5'000};

  // Does not wait for the connection. `options`, `outgoing` and `log` must outlive the listener.
  static Result<std::unique_ptr<NoticeListener>> start(const PostgresOptions& options,
                                                       NoticeQueue& outgoing, NoticeHandler heard,
                                                       const Log& log);
  [[nodiscard]] bool is_connected() const override { return connected_; }

 private:
  PostgresListener(const PostgresOptions& options, NoticeQueue& outgoing, NoticeHandler heard,
                   const Log& log);
  void run(const std::stop_token& stop);
  // Returns why the connection is of no use any more; after a request to stop, anything.
  Error serve_one_connection(const std::stop_token& stop);
  void pass_notices(PostgresConnection& connection, const std::stop_token& stop);
  void send(PostgresConnection& connection);
  void probe(PostgresConnection& connection);

  const PostgresOptions& options_;
  NoticeQueue& outgoing_;
  const NoticeHandler heard_;
  const Log& log_;
  std::atomic<bool> connected_ = false;
  // Used only by the thread. A connection counts as good once a probe has succeeded on it, so
  // connections that fail their first probe make one warning and no more.
  bool failing_ = false;
  std::chrono::milliseconds pause_ = kPauseFirst;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace agent_secrets::control_plane
