#pragma once
// The connections that read one SQLite file, beside the one that writes it. In write-ahead-log mode
// a reader sees what was committed when its transaction began, and neither waits for the writer nor
// holds it up (sqlite.org/wal.html). A statement that changes something fails.
//
// Connections are opened when they are first needed, at most kConnectionsMax; then callers wait for
// a free one.
//
// Threads: run() is safe from several; the caller's thread runs the work.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control-plane/database/sqlite_session.h"
#include "control-plane/database/transaction.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class SqliteReaders {
 public:
  // A connection costs two descriptors and some page cache.
  static constexpr int kConnectionsMax = 4;

  explicit SqliteReaders(std::string path);

  Result<void> run(const TransactionBody& body);

 private:
  using Session = std::unique_ptr<SqliteSession>;
  class Lease;
  Result<Session> take();
  void give_back(Session session);

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<Session> idle_;
  int connections_ = 0;  // idle or in use
};

}  // namespace agent_secrets::control_plane
