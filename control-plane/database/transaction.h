#pragma once
// One transaction, as the parameter of the work that runs in it. Only a Transaction has query() and
// execute(), so no statement runs outside a transaction, and a function that takes a Transaction&
// says by its signature that it is a part of one.
//
// A statement that fails throws DatabaseFailure (database/failure.h), which Database::read and
// Database::write turn into an Error.
//
// Round trips. query() and execute() wait for the database. On PostgreSQL each wait is a round
// trip, and it also delays the other writes of the process. So pass a statement whose result is not
// needed at once to query_later() or execute_later(): it is sent together with the next statement.
//
// Threads: the thread that runs the work. A Transaction ends with its work: do not keep a
// reference.

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control-plane/database/rows.h"
#include "control-plane/database/sql.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// One parameter of a statement. It refers to the caller's memory until the call returns.
class Value {
 public:
  using Bytes = std::span<const std::uint8_t>;
  using Content = std::variant<std::monostate, std::int64_t, bool, std::string_view, Bytes>;

  // Implicit, so that arguments can be passed as they are. The constructor for bool takes nothing
  // that converts to bool, such as a pointer.
  // NOLINTBEGIN(google-explicit-constructor,hicpp-explicit-conversions)
  template <std::same_as<bool> Flag>
  Value(Flag value) : content(value) {}
  template <std::integral Number>
    requires(!std::same_as<Number, bool>)
  Value(Number value) : content(static_cast<std::int64_t>(value)) {}
  Value(std::chrono::milliseconds value) : content(std::int64_t{value.count()}) {}
  Value(std::string_view value) : content(value) {}
  Value(const std::string& value) : content(std::string_view(value)) {}
  Value(const char* value) : content(std::string_view(value)) {}
  Value(Bytes value) : content(value) {}
  Value(const std::vector<std::uint8_t>& value) : content(Bytes(value)) {}
  template <std::size_t Size>
  Value(const std::array<std::uint8_t, Size>& value) : content(Bytes(value)) {}
  template <typename T>
  Value(const std::optional<T>& value)
      : content(value ? Value(*value).content : Content(std::monostate())) {}
  // NOLINTEND(google-explicit-constructor,hicpp-explicit-conversions)

  Content content;  // std::monostate: NULL
};

class Transaction {
 protected:
  struct Answer {
    Rows rows;
    std::int64_t changed = 0;
  };

 public:
  // The rows of a deferred statement, which may not have run yet. Valid until the transaction ends.
  class LaterRows {
   public:
    // The first call runs the deferred statements.
    [[nodiscard]] const Rows& get() {
      tx_->run_waiting();
      return answer_->rows;
    }

   private:
    friend Transaction;
    LaterRows(Transaction& tx, std::shared_ptr<const Answer> answer)
        : tx_(&tx), answer_(std::move(answer)) {}

    Transaction* tx_;
    std::shared_ptr<const Answer> answer_;
  };

  virtual ~Transaction() = default;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // The rows of a SELECT, or of a RETURNING clause.
  template <typename... Arguments>
  [[nodiscard]] Rows query(const Sql& sql, const Arguments&... arguments) {
    return run(sql, std::array<Value, sizeof...(Arguments)>{Value(arguments)...}).rows;
  }
  // The number of rows that were inserted, updated or deleted.
  template <typename... Arguments>
  std::int64_t execute(const Sql& sql, const Arguments&... arguments) {
    return run(sql, std::array<Value, sizeof...(Arguments)>{Value(arguments)...}).changed;
  }

  // Defers the statement. Deferred statements run in their order, before the next query() or
  // execute() or at the end of the work. The values are copied. If a deferred statement fails, the
  // call that runs it throws.
  template <typename... Arguments>
  [[nodiscard]] LaterRows query_later(const Sql& sql, const Arguments&... arguments) {
    auto answer = std::make_shared<Answer>();
    run_later(sql, std::array<Value, sizeof...(Arguments)>{Value(arguments)...}, answer);
    return LaterRows(*this, std::move(answer));
  }
  template <typename... Arguments>
  void execute_later(const Sql& sql, const Arguments&... arguments) {
    run_later(sql, std::array<Value, sizeof...(Arguments)>{Value(arguments)...},
              std::make_shared<Answer>());
  }

 protected:
  Transaction() = default;

 private:
  virtual Answer run_statement(const Sql& sql, std::span<const Value> values) = 0;
  // Runs the statement at once: the default for a database without round trips.
  virtual void add_waiting(const Sql& sql, std::span<const Value> values,
                           const std::shared_ptr<Answer>& answer) {
    *answer = run_statement(sql, values);
  }
  virtual void run_waiting() {}

  Answer run(const Sql& sql, std::span<const Value> values) {
    AGENT_SECRETS_ASSERT(static_cast<std::size_t>(sql.parameters()) == values.size());
    return run_statement(sql, values);
  }
  void run_later(const Sql& sql, std::span<const Value> values,
                 const std::shared_ptr<Answer>& answer) {
    AGENT_SECRETS_ASSERT(static_cast<std::size_t>(sql.parameters()) == values.size());
    add_waiting(sql, values, answer);
  }
};

enum class TransactionKind : std::uint8_t {
  read,
  write,
  // Revocations, deletions, and writes that carry them to a region. They may use the small reserve
  // on a full disk (database/disk_reserve.h), so they must not make a database grow with each call.
  urgent_write,
};

// The work of a transaction, as a database runs it. True: commit.
using TransactionBody = std::function<bool(Transaction&)>;

}  // namespace agent_secrets::control_plane
