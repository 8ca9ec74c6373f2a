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
// SET, because a SELECT of set_config() would give the transaction its view of the data, and LOCK
// TABLE as the first statement of the work has to wait before that (decision 0032).
constexpr std::array<std::string_view, 3> kSettings{
    "SET LOCAL statement_timeout = 15000", "SET LOCAL idle_in_transaction_session_timeout = 15000",
    "SET LOCAL standard_conforming_strings = on"};

// Null until the transaction has changed something.
constexpr std::string_view kTransactionId =
    "SELECT CAST(pg_current_xact_id_if_assigned() AS text) AS id";

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
      set_search_path_(fmt::format("SET LOCAL search_path = \"{}\", pg_temp", schema)) {}

void PostgresSession::begin(Isolation isolation) {
  AGENT_SECRETS_ASSERT(!open_);
  isolation_ = isolation;
  to_begin_ = true;
  transaction_id_.clear();
}

Transaction::Answer PostgresSession::run_statement(const Sql& sql, std::span<const Value> values) {
  AGENT_SECRETS_ASSERT(to_begin_ || open_);
  std::size_t answers_before = 0;
  if (std::exchange(to_begin_, false)) {
    connection_->queue(begin_command(isolation_));
    connection_->queue(std::string_view(set_search_path_), {});
    for (const std::string_view setting : kSettings) connection_->queue(setting, {});
    open_ = true;
    answers_before = 2 + kSettings.size();
  }
  connection_->queue(sql.postgres(), values);
  // With each statement, so that it is known before COMMIT is sent and costs no round trip.
  const bool asks = isolation_ == Isolation::serializable && transaction_id_.empty();
  if (asks) connection_->queue(kTransactionId, {});
  const auto answers = connection_->run_queued();
  if (asks) transaction_id_ = PQgetvalue(answers.back().get(), 0, 0);  // empty when null
  PGresult* result = answers[answers_before].get();
  Answer answer{.rows = rows_of(result)};
  const std::string_view changed = PQcmdTuples(result);
  std::from_chars(changed.data(), changed.data() + changed.size(), answer.changed);
  return answer;
}

void PostgresSession::commit() {
  to_begin_ = false;
  if (!open_) return;  // no statement was run
  connection_->queue("COMMIT");
  const auto answers = connection_->run_queued();
  open_ = false;
  // The server's answer to the COMMIT of a transaction with a failed statement.
  if (std::string_view(PQcmdStatus(answers.front().get())) != "COMMIT") {
    throw PostgresFailure(
        PostgresFailure::Kind::refused,
        {.code = ErrorCode::failed, .message = "the server rolled the transaction back"});
  }
}

void PostgresSession::abandon() noexcept {
  to_begin_ = false;
  if (std::exchange(open_, false)) connection_->send("ROLLBACK");
}

}  // namespace agent_secrets::control_plane
