#include "control-plane/database/postgres_database.h"

#include <algorithm>
#include <exception>
#include <random>
#include <thread>
#include <utility>

#include "control-plane/database/postgres_failure.h"
#include "control-plane/database/postgres_listener.h"
#include "core/blocking.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Isolation = PostgresSession::Isolation;

constexpr milliseconds kPauseFirst{2};
constexpr milliseconds kPauseMax{200};

// Exponential, with full jitter: two transactions that conflicted do not meet again.
void pause(int attempt, steady_clock::time_point deadline) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const milliseconds most = std::min(kPauseMax, kPauseFirst * (1 << std::min(attempt, 10)));
  std::uniform_int_distribution<milliseconds::rep> chosen(1, most.count());
  std::this_thread::sleep_until(
      std::min(steady_clock::now() + milliseconds(chosen(random)), deadline));
}

// A conflict that does not end is no fault of the caller: a later attempt may succeed.
std::unexpected<Error> given_up(Error error) {
  if (error.code == ErrorCode::failed) error.code = ErrorCode::unavailable;
  return std::unexpected(std::move(error));
}

// A failure of the server ends the whole transaction, so it is thrown to the caller.
void run_after_savepoint(PostgresSession& session, WriteGroups::Waiting& waiting) {
  session.set_savepoint();
  waiting.outcome = {};
  waiting.exception = nullptr;
  bool keep = false;
  try {
    keep = waiting.body(session);
  } catch (const PostgresFailure&) {
    throw;
  } catch (const DatabaseFailure& failure) {  // a damaged row
    waiting.outcome = std::unexpected(failure.error());
  } catch (...) {
    waiting.exception = std::current_exception();
  }
  keep ? session.keep_since_savepoint() : session.undo_since_savepoint();
}

}  // namespace

Result<std::unique_ptr<PostgresDatabase>> PostgresDatabase::open(PostgresOptions options) {
  std::unique_ptr<PostgresDatabase> database(new PostgresDatabase(std::move(options)));
  auto first = database->pool_.take(steady_clock::now() + kPatience);
  if (!first) return propagate(first);
  return database;
}

Result<std::unique_ptr<NoticeListener>> PostgresDatabase::listen(NoticeHandler heard,
                                                                 const Log& log) {
  return PostgresListener::start(pool_.options(), notices_, std::move(heard), log);
}

Result<void> PostgresDatabase::transact(TransactionKind kind, const TransactionBody& body) {
  const Blocking blocking;
  if (kind == TransactionKind::write) return groups_.run(kind, body);
  return run(kind == TransactionKind::read ? Isolation::snapshot : Isolation::serializable, body);
}

// A statement that the server refuses may belong to an earlier work, because the statements of one
// work are sent with those of the next work. So each work then runs in its own transaction.
void PostgresDatabase::commit(WriteGroups::Group group) {
  if (group.size() == 1) return run_alone(*group.front());
  const auto outcome = run(Isolation::serializable, [&](PostgresSession& session) {
    for (WriteGroups::Waiting* waiting : group) run_after_savepoint(session, *waiting);
    return true;
  });
  if (outcome) return;
  for (WriteGroups::Waiting* waiting : group) {
    waiting->exception = nullptr;
    if (outcome.error().code == ErrorCode::unavailable) {
      waiting->outcome = outcome;
    } else {
      run_alone(*waiting);
    }
  }
}

void PostgresDatabase::run_alone(WriteGroups::Waiting& waiting) {
  try {
    waiting.outcome = run(Isolation::serializable, waiting.body);
  } catch (...) {
    waiting.exception = std::current_exception();
  }
}

Result<void> PostgresDatabase::run(Isolation isolation, const Work& work) {
  const Deadline deadline = steady_clock::now() + kPatience;
  for (int number = 1;; ++number) {
    Attempt tried = attempt(isolation, work, deadline);
    if (!tried.may_run_again) return std::move(tried.outcome);
    const bool is_conflict = tried.outcome.error().code != ErrorCode::unavailable;
    const int most = is_conflict ? kAttemptsMax : kConnectsMax;
    if (number >= most || steady_clock::now() >= deadline) {
      return given_up(std::move(tried.outcome.error()));
    }
    pause(number, deadline);
  }
}

PostgresDatabase::Attempt PostgresDatabase::attempt(Isolation isolation, const Work& work,
                                                    Deadline deadline) {
  std::string committing;  // the id of a transaction whose COMMIT may have arrived
  bool commits = false;
  Result<void> outcome;
  {
    auto session = pool_.take(deadline);
    if (!session) return {.outcome = propagate(session), .may_run_again = true};
    try {
      (*session)->begin(isolation);
      if (work(**session) && isolation == Isolation::serializable) {
        commits = true;
        (*session)->commit();
      }
      return {};
    } catch (const PostgresFailure& failure) {
      outcome = std::unexpected(failure.error());
      if (failure.kind() == PostgresFailure::Kind::refused) return {.outcome = outcome};
      const bool lost = failure.kind() == PostgresFailure::Kind::lost;
      if (commits && lost) committing = (*session)->transaction_id();
    } catch (const DatabaseFailure& failure) {  // a damaged row
      return {.outcome = std::unexpected(failure.error())};
    }
  }
  if (!committing.empty()) return settle(committing);
  return {.outcome = outcome, .may_run_again = true};
}

// The connection broke between COMMIT and its answer. While the server still runs the transaction,
// or cannot be asked, it is asked again. When the deadline passes before it is known, running the
// work again could do it twice, so the call fails.
PostgresDatabase::Attempt PostgresDatabase::settle(const std::string& transaction_id) {
  const Deadline deadline = steady_clock::now() + kPatience;  // the caller's may have passed
  Error last{.code = ErrorCode::unavailable, .message = "database: no answer in time"};
  for (int number = 1; steady_clock::now() < deadline; pause(number++, deadline)) {
    auto status = transaction_status(transaction_id, deadline);
    if (!status) {
      last = std::move(status.error());
    } else if (*status == "committed") {
      return {};
    } else if (*status == "aborted") {
      return {.outcome = std::unexpected(last), .may_run_again = true};
    }
  }
  last.code = ErrorCode::unavailable;  // of the last question, and not of the work
  return {.outcome =
              std::unexpected(std::move(last).within("it is not known what became of a commit"))};
}

// "committed", "aborted" or "in progress".
Result<std::string> PostgresDatabase::transaction_status(const std::string& transaction_id,
                                                         Deadline deadline) {
  auto session = pool_.take(deadline);
  if (!session) return propagate(session);
  try {
    (*session)->begin(Isolation::snapshot);
    const Rows rows = (*session)->query(
        "SELECT coalesce(pg_xact_status(CAST(?1 AS xid8)), 'forgotten') AS status", transaction_id);
    return rows.front().text("status");
  } catch (const PostgresFailure& failure) {
    return std::unexpected(failure.error());
  }
}

}  // namespace agent_secrets::control_plane
