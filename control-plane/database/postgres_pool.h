#pragma once
// The connections to one PostgreSQL database, at most kConnectionsMax. A connection is opened when
// it is first needed. When a connection is lost, the pool closes it and all idle connections, which
// are probably lost too. The next caller opens a new connection.
//
// Threads: take() is safe from several. The pool outlives its leases.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "control-plane/database/postgres_options.h"
#include "control-plane/database/postgres_session.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class PostgresPool {
 public:
  static constexpr int kConnectionsMax = 8;

  // A session that goes back to the pool, its transaction rolled back if it is still open.
  class Lease {
   public:
    Lease(PostgresPool& pool, std::unique_ptr<PostgresSession> session);
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();
    PostgresSession* operator->() { return session_.get(); }
    PostgresSession& operator*() { return *session_; }

   private:
    PostgresPool* pool_;
    std::unique_ptr<PostgresSession> session_;  // null after a move
  };

  explicit PostgresPool(PostgresOptions options);

  // ErrorCode::unavailable when no connection is free by the deadline. Opening one is bounded by
  // the options (connect_timeout).
  Result<Lease> take(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] const PostgresOptions& options() const { return options_; }

 private:
  void give_back(std::unique_ptr<PostgresSession> session);
  Result<Lease> open_one();

  const PostgresOptions options_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<std::unique_ptr<PostgresSession>> idle_;
  int connections_ = 0;  // idle or in use
};

}  // namespace agent_secrets::control_plane
