#pragma once
// The transactions of one connection to PostgreSQL, one after the other.
//
// A transaction costs few round trips. BEGIN is sent with the first statement. Deferred statements
// (database/transaction.h) are sent with the next statement or with COMMIT. The end of a
// transaction that only read is sent without waiting for the answer. A serializable transaction
// asks for its id with its first statements, so that the id is known before COMMIT is sent.
//
// Each transaction sets for itself the schema in which it finds our tables, and the time that a
// statement, or a pause between two statements, may take. So a transaction does not depend on the
// settings of its session, which a pooler such as PgBouncer may give to another client after each
// transaction. (The setting standard_conforming_strings has no effect on our statements, because
// they have no backslash: database/sql.h.)
//
// A statement that fails throws PostgresFailure, which says whether the work may run again.
//
// Threads: one at a time; the PostgresPool that owns it sees to that.
// Source: postgresql.org/docs/15/transaction-iso.html.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/database/postgres_connection.h"
#include "control-plane/database/transaction.h"

namespace agent_secrets::control_plane {

class PostgresSession final : public Transaction {
 public:
  enum class Isolation : std::uint8_t {
    serializable,    // as if no other transaction ran
    snapshot,        // what was committed when it began; a statement that changes something fails
    read_committed,  // sees what others commit meanwhile: for migrations, which take a lock
  };

  PostgresSession(std::unique_ptr<PostgresConnection> connection, std::string_view schema);

  // Nothing is sent before the first statement. `moment` is what pg_export_snapshot() has returned
  // in another transaction that is still open. A transaction of Isolation::snapshot then sees what
  // that transaction sees.
  void begin(Isolation isolation, std::string_view moment = {});
  // Begins work that can be rolled back alone, until it is kept or undone. set_savepoint(),
  // keep_since_savepoint() and undo_since_savepoint() do not wait for the server. So a later call,
  // during other work, may throw the failure of a deferred statement.
  void set_savepoint();
  void keep_since_savepoint();
  void undo_since_savepoint();
  // Returns when the server has confirmed. A failure of kind `lost` may mean that the transaction
  // is committed: look up transaction_id().
  void commit();
  // Ends a transaction that is still open. Waits for the server only if deferred statements are
  // queued.
  void abandon() noexcept;
  // The id of a serializable transaction that has run a statement; otherwise empty.
  [[nodiscard]] const std::string& transaction_id() const { return transaction_id_; }
  [[nodiscard]] PostgresConnection& connection() { return *connection_; }

 private:
  Answer run_statement(const Sql& sql, std::span<const Value> values) override;
  void add_waiting(const Sql& sql, std::span<const Value> values,
                   const std::shared_ptr<Answer>& answer) override;
  void run_waiting() override;
  void open();
  void add_waiting(const char* command);
  // Queues a prepared statement. `text` must live as long as the connection.
  void add_waiting(std::string_view text, std::span<const Value> values,
                   const std::shared_ptr<Answer>& answer);

  std::unique_ptr<PostgresConnection> connection_;
  // Statements. The connection keeps references to their texts.
  const std::string set_search_path_;
  const std::string set_all_;
  std::string set_moment_;  // a statement, or empty
  Isolation isolation_ = Isolation::snapshot;
  bool to_begin_ = false;  // BEGIN goes with the next statement
  bool open_ = false;
  std::string transaction_id_;
  // One for each queued statement. Null: no caller needs the answer.
  std::vector<std::shared_ptr<Answer>> waiting_;
};

}  // namespace agent_secrets::control_plane
