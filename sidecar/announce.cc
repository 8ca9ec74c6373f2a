#include "sidecar/announce.h"

#include <utility>

namespace agent_secrets::sidecar {

void Announcer::update(const Knowledge& knowledge) {
  announce_errors(knowledge);
  if (std::exchange(sequence_, knowledge.running_sequence) != knowledge.running_sequence) {
    state_ = WatchState::unknown;  // earlier lines were about another instance
    changes_.clear();
  }
  const WatchState state = knowledge.answer.state;
  std::string changes = describe_changes(knowledge.answer);
  const bool news = state != state_ || (state == WatchState::stale && changes != changes_);
  if (!news || state == WatchState::unknown) return;
  changes_ = std::move(changes);
  announce_state(knowledge);
  state_ = state;
}

void Announcer::announce_state(const Knowledge& knowledge) {
  const std::string& agent = knowledge.answer.agent;
  const std::int64_t running = knowledge.running_sequence;
  const std::int64_t latest = knowledge.answer.latest ? knowledge.answer.latest->sequence : 0;
  switch (knowledge.answer.state) {
    case WatchState::unknown:
      break;
    case WatchState::current:
      log_.info("current", {{"agent", agent}, {"running_sequence", running}});
      break;
    case WatchState::stale:
      log_.warning("REDEPLOY NEEDED " + changes_,
                   {{"agent", agent}, {"running_sequence", running}});
      break;
    case WatchState::superseded:
      log_.warning("superseded: a newer deployment exists",
                   {{"agent", agent}, {"running_sequence", running}, {"latest_sequence", latest}});
      break;
    case WatchState::revoked:
      log_.warning("revoked: this credential gets no more secrets; the next start will be refused",
                   {{"agent", agent}});
      break;
    case WatchState::unbound:
      log_.warning("unbound: the agent is deleted or has no deployment", {{"agent", agent}});
      break;
  }
}

void Announcer::announce_errors(const Knowledge& knowledge) {
  if (knowledge.last_error == last_error_) return;
  if (knowledge.last_error.empty()) {
    log_.info("hearing from the control plane again", {{"errors", knowledge.errors}});
  } else {
    log_.warning("cannot hear from the control plane", {{"cause", knowledge.last_error}});
  }
  last_error_ = knowledge.last_error;
}

}  // namespace agent_secrets::sidecar
