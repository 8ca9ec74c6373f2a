#include "control-plane/database/sqlite_writer.h"

#include <algorithm>
#include <utility>

#include "control-plane/database/failure.h"
#include "control-plane/database/sqlite_failure.h"

namespace agent_secrets::control_plane {
namespace {

bool lacks_room(const Result<void>& outcome) {
  return !outcome && outcome.error().code == ErrorCode::out_of_space;
}

template <typename Call>
Result<void> guarded(const Call& call) {
  try {
    call();
    return {};
  } catch (const DatabaseFailure& failure) {
    return std::unexpected(failure.error());
  }
}

}  // namespace

SqliteWriter::SqliteWriter(std::unique_ptr<SqliteSession> session,
                           std::unique_ptr<DiskReserve> reserve)
    : session_(std::move(session)),
      reserve_(std::move(reserve)),
      groups_([this](Group group) { commit(group); }) {}

void SqliteWriter::commit(Group group) {
  if (group.size() > 1 && try_together(group)) return;
  for (Waiting* waiting : group) run_alone(*waiting);
}

// False: nothing of the group is in the database, and each has to be run alone.
bool SqliteWriter::try_together(Group group) {
  auto begun = guarded([&] { session_->control("BEGIN IMMEDIATE"); });
  if (lacks_room(begun)) return false;
  if (!begun) {
    // Another process holds the file and the busy timeout is over: each would wait for it again.
    for (Waiting* waiting : group) waiting->outcome = begun;
    return true;
  }
  bool whole = false;
  auto committed = guarded([&] {
    whole =
        std::ranges::all_of(group, [&](Waiting* waiting) { return run_in_savepoint(*waiting); });
    if (whole) session_->commit();
  });
  session_->roll_back();  // after a commit there is nothing to undo
  return whole && committed;
}

// False: the group cannot go on. After some errors, such as a full disk, SQLite has rolled the
// whole transaction back.
bool SqliteWriter::run_in_savepoint(Waiting& waiting) {
  waiting.outcome = keep_reserve_whole(waiting.kind);
  if (!waiting.outcome) return true;
  session_->control("SAVEPOINT work");
  bool keep = false;
  try {
    keep = waiting.body(*session_) && waiting.kind != TransactionKind::read;
  } catch (const DatabaseFailure& failure) {
    waiting.outcome = std::unexpected(failure.error());
  } catch (...) {
    waiting.exception = std::current_exception();
  }
  if (!session_->in_transaction() || lacks_room(waiting.outcome)) return false;
  if (!keep) session_->control("ROLLBACK TO work");
  session_->control("RELEASE work");
  return true;
}

void SqliteWriter::run_alone(Waiting& waiting) {
  waiting.exception = nullptr;  // of its run in the group
  waiting.outcome = keep_reserve_whole(waiting.kind);
  if (waiting.outcome) attempt(waiting);
  if (!lacks_room(waiting.outcome) || waiting.kind == TransactionKind::write ||
      reserve_ == nullptr) {
    return;
  }
  const DiskReserve::Spending spending = reserve_->release();
  attempt(waiting);
  // The log keeps its size: the next writes go to its beginning, and find room there even if other
  // programs have taken what the reserve freed.
  if (waiting.outcome) session_->checkpoint();
}

void SqliteWriter::attempt(Waiting& waiting) {
  const bool writes = waiting.kind != TransactionKind::read;
  waiting.outcome = guarded([&] {
    session_->control(writes ? "BEGIN IMMEDIATE" : "BEGIN");
    try {
      if (waiting.body(*session_) && writes) session_->commit();
    } catch (const DatabaseFailure&) {
      throw;
    } catch (...) {
      waiting.exception = std::current_exception();
    }
  });
  session_->roll_back();  // after a commit there is nothing to undo
}

Result<void> SqliteWriter::keep_reserve_whole(TransactionKind kind) {
  if (kind != TransactionKind::write || reserve_ == nullptr || reserve_->is_whole()) return {};
  if (reserve_->refill()) return {};
  return fail(ErrorCode::out_of_space,
              "the disk is full: only revocations and deletions are written", kFullDiskHint);
}

}  // namespace agent_secrets::control_plane
