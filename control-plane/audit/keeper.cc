#include "control-plane/audit/keeper.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/limits.h"

namespace agent_secrets::control_plane {

AuditKeeper::AuditKeeper(std::string name, AuditLog& audit, const AuditKeys& keys,
                         std::function<bool()> may_work, const Clock& clock, const Log& log)
    : name_(std::move(name)),
      audit_(audit),
      keys_(keys),
      may_work_(std::move(may_work)),
      clock_(clock),
      log_(log),
      next_checkpoint_(clock.monotonic()) {}

void AuditKeeper::run(const std::stop_token& stop) {
  std::mutex sleeping;
  std::condition_variable_any woken;
  while (!stop.stop_requested()) {
    work_once();
    std::unique_lock lock(sleeping);
    woken.wait_for(lock, stop, limits::kAuditChainEvery, [] { return false; });
  }
  finish();
}

void AuditKeeper::work_once() {
  if (!may_work_()) return;
  auto outcome = chain();
  if (outcome && clock_.monotonic() >= next_checkpoint_) outcome = sign();
  note(outcome);
}

void AuditKeeper::finish() {
  if (!may_work_()) return;
  auto outcome = chain();
  if (outcome) outcome = sign();
  note(outcome);
}

Result<void> AuditKeeper::chain() {
  while (true) {
    auto more = audit_.chain();
    if (!more) return propagate(more);
    if (!*more) return {};
  }
}

Result<void> AuditKeeper::sign() {
  auto head = audit_.head();
  if (!head) return propagate(head);
  if (head->size > 0 && head->size != signed_size_) {
    if (auto done = sign_head(*head); !done) return done;
  }
  next_checkpoint_ = clock_.monotonic() + limits::kAuditCheckpointEvery;
  return {};
}

Result<void> AuditKeeper::sign_head(const AuditHead& head) {
  const std::string text = sign_statement(
      AuditStatementKind::checkpoint,
      {.log = name_, .position = head.size, .hash = head.hash, .at = clock_.unix_time()}, keys_);
  auto is_new = audit_.put_checkpoint(head.size, text);
  if (!is_new) return propagate(is_new);
  signed_size_ = head.size;
  if (!*is_new) return {};
  log_.info(
      "audit checkpoint",
      {{"log", name_}, {"position", head.size}, {"hash", hex(head.hash)}, {"checkpoint", text}});
  return {};
}

void AuditKeeper::note(const Result<void>& outcome) {
  if (!outcome && !failing_) {
    log_.warning("chaining the audit log failed; it will be retried",
                 {{"log", name_}, {"cause", outcome.error().message}});
  }
  if (outcome && failing_) log_.info("the audit log is chained again", {{"log", name_}});
  failing_ = !outcome;
}

}  // namespace agent_secrets::control_plane
