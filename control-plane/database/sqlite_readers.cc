#include "control-plane/database/sqlite_readers.h"

#include <utility>

#include "control-plane/database/failure.h"
#include "core/blocking.h"

namespace agent_secrets::control_plane {

// A transaction on a connection that goes back however the work ends.
class SqliteReaders::Lease {
 public:
  Lease(SqliteReaders& owner, Session session) : owner_(owner), session_(std::move(session)) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    session_->roll_back();  // nothing was changed: this only ends the view
    owner_.give_back(std::move(session_));
  }
  SqliteSession& operator*() { return *session_; }

 private:
  SqliteReaders& owner_;
  Session session_;
};

SqliteReaders::SqliteReaders(std::string path) : path_(std::move(path)) {}

Result<void> SqliteReaders::run(const TransactionBody& body) {
  auto session = take();
  if (!session) return propagate(session);
  Lease lease(*this, std::move(*session));
  try {
    (*lease).control("BEGIN");
    body(*lease);
    return {};
  } catch (const DatabaseFailure& failure) {
    return std::unexpected(failure.error());
  }
}

Result<SqliteReaders::Session> SqliteReaders::take() {
  std::unique_lock lock(mutex_);
  const auto is_free = [this] { return !idle_.empty() || connections_ < kConnectionsMax; };
  if (!is_free()) {
    const Blocking blocking;
    free_.wait(lock, is_free);
  }
  if (!idle_.empty()) {
    Session session = std::move(idle_.back());
    idle_.pop_back();
    return session;
  }
  ++connections_;
  lock.unlock();
  auto opened = SqliteSession::open(path_, "PRAGMA query_only = ON");
  if (opened) return opened;
  lock.lock();
  --connections_;
  free_.notify_one();
  return opened;
}

void SqliteReaders::give_back(Session session) {
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(session));
  free_.notify_one();
}

}  // namespace agent_secrets::control_plane
