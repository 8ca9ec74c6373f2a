#include "control-plane/database/postgres_session.h"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "control-plane/database/postgres_failure.h"
#include "control-plane/database/postgres_values.h"

namespace agent_secrets::control_plane {
namespace {

// The server ends a statement, and a transaction in which no statement runs, after 15 s. The client
// waits a little longer (database/postgres_connection.cc). A lock is waited for within a statement.
constexpr std::array<std::string_view, 2> kTimeouts{
    "SET LOCAL statement_timeout = 15000", "SET LOCAL idle_in_transaction_session_timeout = 15000"};

constexpr std::string_view kTransactionId = "SELECT CAST(pg_current_xact_id() AS text) AS id";

const char* begin_command(PostgresSession::Isolation isolation) {
  switch (isolation) {
    case PostgresSession::Isolation::serializable:
      return "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE";
    case PostgresSession::Isolation::snapshot:
      return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    case PostgresSession::Isolation::read_committed:
      return "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
  }
  AGENT_SECRETS_ASSERT(false);
}

}  // namespace

// pg_temp last: otherwise a temporary table would hide ours.
PostgresSession::PostgresSession(std::unique_ptr<PostgresConnection> connection,
                                 std::string_view schema)
    : connection_(std::move(connection)),
      set_search_path_(fmt::format("SET LOCAL search_path = \"{}\", pg_temp", schema)),
      set_all_(fmt::format("SELECT set_config('search_path', '\"{}\", pg_temp', true),"
                           " set_config('statement_timeout', '15000', true),"
                           " set_config('idle_in_transaction_session_timeout', '15000', true)",
                           schema)) {}

// The server has made up the name of the moment: it has no quote in it.
void PostgresSession::begin(Isolation isolation, std::string_view moment) {
  AGENT_SECRETS_ASSERT(!open_);
  set_moment_ = moment.empty() ? "" : fmt::format("SET TRANSACTION SNAPSHOT '{}'", moment);
  isolation_ = isolation;
  to_begin_ = true;
  transaction_id_.clear();
}

// One SELECT takes the server less time than three SET. But a SELECT gives the transaction its view
// of the data, and LOCK TABLE as the first statement of a write has to wait before that (decision
// 0032).
void PostgresSession::open() {
  AGENT_SECRETS_ASSERT(to_begin_ || open_);
  if (!std::exchange(to_begin_, false)) return;
  open_ = true;
  add_waiting(begin_command(isolation_));
  if (!set_moment_.empty()) add_waiting(set_moment_.c_str());
  if (isolation_ == Isolation::snapshot) {
    add_waiting(std::string_view(set_all_), {}, nullptr);
    return;
  }
  add_waiting(std::string_view(set_search_path_), {}, nullptr);
  for (const std::string_view timeout : kTimeouts) add_waiting(timeout, {}, nullptr);
}

void PostgresSession::add_waiting(const char* command) {
  connection_->queue(command);
  waiting_.push_back(nullptr);
}

void PostgresSession::add_waiting(std::string_view text, std::span<const Value> values,
                                  const std::shared_ptr<Answer>& answer) {
  connection_->queue(text, values);
  waiting_.push_back(answer);
}

void PostgresSession::add_waiting(const Sql& sql, std::span<const Value> values,
                                  const std::shared_ptr<Answer>& answer) {
  open();
  add_waiting(sql.postgres(), values, answer);
}

Transaction::Answer PostgresSession::run_statement(const Sql& sql, std::span<const Value> values) {
  auto answer = std::make_shared<Answer>();
  add_waiting(sql, values, answer);
  run_waiting();
  return std::move(*answer);
}

void PostgresSession::run_waiting() {
  if (waiting_.empty()) return;
  // The id is asked for last, because a SELECT before LOCK TABLE would fix the view of the data.
  const bool asks = isolation_ == Isolation::serializable && transaction_id_.empty();
  if (asks) connection_->queue(kTransactionId, {});
  const auto waiting = std::exchange(waiting_, {});
  const auto results = connection_->run_queued();
  if (asks) transaction_id_ = PQgetvalue(results.back().get(), 0, 0);
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if (waiting[i] == nullptr) continue;
    PGresult* result = results[i].get();
    waiting[i]->rows = rows_of(result);
    const std::string_view changed = PQcmdTuples(result);
    std::from_chars(changed.data(), changed.data() + changed.size(), waiting[i]->changed);
  }
}

void PostgresSession::set_savepoint() {
  open();
  add_waiting("SAVEPOINT work");
}

void PostgresSession::keep_since_savepoint() { add_waiting("RELEASE work"); }

// Statements that are queued run before, because they cannot be removed from the queue.
void PostgresSession::undo_since_savepoint() {
  add_waiting("ROLLBACK TO work");
  add_waiting("RELEASE work");
}

void PostgresSession::commit() {
  to_begin_ = false;
  if (!open_) return;  // no statement was run
  if (isolation_ == Isolation::serializable && transaction_id_.empty()) run_waiting();
  add_waiting("COMMIT");
  waiting_.clear();
  const auto answers = connection_->run_queued();
  open_ = false;
  // The server's answer to the COMMIT of a transaction with a failed statement.
  if (std::string_view(PQcmdStatus(answers.back().get())) != "COMMIT") {
    throw PostgresFailure(
        PostgresFailure::Kind::refused,
        {.code = ErrorCode::failed, .message = "the server rolled the transaction back"});
  }
}

void PostgresSession::abandon() noexcept {
  to_begin_ = false;
  if (!std::exchange(open_, false)) return;
  try {
    // Otherwise the failure of a queued statement would make the server skip the ROLLBACK.
    run_waiting();
    // NOLINTNEXTLINE(bugprone-empty-catch): the statements are rolled back
  } catch (const DatabaseFailure&) {
  }
  connection_->send("ROLLBACK");
}

}  // namespace agent_secrets::control_plane
