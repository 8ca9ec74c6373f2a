#include "control-plane/database/postgres_pool.h"

#include <utility>

#include <fmt/format.h>

namespace agent_secrets::control_plane {

PostgresPool::Lease::Lease(PostgresPool& pool, std::unique_ptr<PostgresSession> session)
    : pool_(&pool), session_(std::move(session)) {}

PostgresPool::Lease::~Lease() {
  if (session_ == nullptr) return;
  session_->abandon();
  pool_->give_back(std::move(session_));
}

PostgresPool::PostgresPool(PostgresOptions options) : options_(std::move(options)) {}

Result<PostgresPool::Lease> PostgresPool::take(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const bool in_time = free_.wait_until(
      lock, deadline, [this] { return !idle_.empty() || connections_ < kConnectionsMax; });
  if (!in_time) {
    return fail(ErrorCode::unavailable,
                fmt::format("{}: all {} connections of this process are in use", options_.name,
                            kConnectionsMax),
                "the database answers too slowly for the load: look at its log");
  }
  if (!idle_.empty()) {
    auto session = std::move(idle_.back());
    idle_.pop_back();
    return Lease(*this, std::move(session));
  }
  ++connections_;
  lock.unlock();
  return open_one();
}

Result<PostgresPool::Lease> PostgresPool::open_one() {
  auto connection = PostgresConnection::open(options_);
  if (!connection) {
    give_back(nullptr);
    return propagate(connection);
  }
  return Lease(*this, std::make_unique<PostgresSession>(std::move(*connection), options_.schema));
}

// Null: the connection could not be opened.
void PostgresPool::give_back(std::unique_ptr<PostgresSession> session) {
  const bool usable = session != nullptr && !session->connection().is_lost();
  std::vector<std::unique_ptr<PostgresSession>> closed;  // outside of the lock
  const std::scoped_lock lock(mutex_);
  if (usable) {
    idle_.push_back(std::move(session));
  } else {
    closed = std::exchange(idle_, {});
    connections_ -= 1 + static_cast<int>(closed.size());
    closed.push_back(std::move(session));
  }
  free_.notify_all();
}

}  // namespace agent_secrets::control_plane
