#pragma once
// A database as the catalog, the region stores and the keys see it: work runs in one transaction,
// which happens wholly and durably, or not at all.
//
//   return database.write("add region", [&](Transaction& tx) -> Result<void> {
//     tx.execute("INSERT INTO regions (code, display_name) VALUES (?1, ?2)", code, name);
//     return {};
//   });
//
// The work returns a Result. The transaction is committed when the work succeeds, and rolled back
// when it fails or throws. An error of the work passes unchanged; an error of the database gets
// `clause`. On a full disk its code is ErrorCode::out_of_space.
//
// The work may run more than once, for example when the transactions that were committed together
// with it fail; only its last run counts. So it changes nothing outside but what it returns: no
// captured variable, no moved-from argument. It must not begin another transaction, which would
// wait for itself: that asserts.
//
// After a commit, notify() gives the other processes that use the database a hint
// (database/notices.h).
//
// Threads: safe from several. The work may run on the thread of another caller, while its own
// caller waits.

#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "control-plane/database/notices.h"
#include "control-plane/database/transaction.h"
#include "control-plane/database/write_counts.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  virtual ~Database() = default;

  // What the work reads is still true when it commits.
  template <typename Work>
  std::invoke_result_t<Work, Transaction&> write(std::string_view clause, const Work& work) {
    return run(TransactionKind::write, clause, work);
  }
  template <typename Work>
  std::invoke_result_t<Work, Transaction&> write_urgently(std::string_view clause,
                                                          const Work& work) {
    return run(TransactionKind::urgent_write, clause, work);
  }
  // One consistent view of what is committed. Use it for SELECT alone.
  template <typename Work>
  std::invoke_result_t<Work, Transaction&> read(std::string_view clause, const Work& work) {
    return run(TransactionKind::read, clause, work);
  }

  // Never waits, and never fails: a notice is a hint. Not empty. It is sent by this process's
  // listener, so a process that does not listen (a command) sends none. Asserts in a transaction,
  // which may still be rolled back.
  void notify(std::string_view notice) {
    AGENT_SECRETS_ASSERT(!Running::now() && !notice.empty());
    send_notice(notice);
  }
  // At most one listener at a time; null where the database has no notices. The database and the
  // log must outlive it.
  virtual Result<std::unique_ptr<NoticeListener>> listen(NoticeHandler heard, const Log& log) = 0;

  // Since the database was opened by this process.
  [[nodiscard]] virtual WriteCounts write_counts() const { return {}; }

 private:
  // Stands while this thread runs the work of a transaction.
  class Running {
   public:
    Running() { running_ = true; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { running_ = false; }
    static bool now() { return running_; }

   private:
    static inline thread_local bool running_ = false;
  };

  // What `body` throws besides DatabaseFailure is thrown again to the caller.
  virtual Result<void> transact(TransactionKind kind, const TransactionBody& body) = 0;
  virtual void send_notice(std::string_view /*notice*/) {}

  template <typename Work>
  std::invoke_result_t<Work, Transaction&> run(TransactionKind kind, std::string_view clause,
                                               const Work& work) {
    AGENT_SECRETS_ASSERT(!Running::now());
    std::optional<std::invoke_result_t<Work, Transaction&>> result;
    auto outcome = transact(kind, [&](Transaction& tx) {
      const Running running;
      result.emplace(work(tx));
      return result->has_value();
    });
    if (!outcome) return propagate(outcome, clause);
    return std::move(*result);
  }
};

}  // namespace agent_secrets::control_plane
