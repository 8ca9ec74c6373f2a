#include "control-plane/http/seats.h"

#include <algorithm>
#include <utility>

namespace agent_secrets::control_plane {

Seats::Seats(std::size_t total) : total_(total), accounts_(total, {4, 5}, 1) {}

bool Seats::make_room(Time now) {
  const auto most = std::ranges::max_element(
      strangers_, {}, [](const auto& address) { return address.second.size(); });
  if (most != strangers_.end()) {
    Seat& oldest = *most->second.front();
    if (now - oldest.since_ < kStrangerGrace) return false;
    oldest.vacate();
    return true;
  }
  if (idle_.empty()) return false;
  idle_.front()->vacate();
  return true;
}

Seats::Seat::Seat(Seats& seats, std::string address, Time now, std::function<void()> vacate)
    : seats_(seats), address_(std::move(address)), since_(now), vacate_(std::move(vacate)) {
  ++seats_.taken_;
  may_go();
}

Seats::Seat::~Seat() {
  stays();
  if (!vacated_) --seats_.taken_;
}

bool Seats::Seat::belong_to(const std::string& account) {
  if (account == account_) return true;
  account_.clear();
  hold_.give_back();
  if (account.empty() || vacated_) return true;
  if (seats_.accounts_.take(account, 1, hold_) != SharedBudget::Verdict::taken) return false;
  account_ = account;
  return true;
}

void Seats::Seat::may_go() {
  if (may_go_ || vacated_) return;
  Waiting& waiting = waiting_place();
  place_ = waiting.insert(waiting.end(), this);
  may_go_ = true;
}

void Seats::Seat::stays() {
  if (!std::exchange(may_go_, false)) return;
  Waiting& waiting = waiting_place();
  waiting.erase(place_);
  if (is_strangers() && waiting.empty()) seats_.strangers_.erase(address_);
}

Seats::Waiting& Seats::Seat::waiting_place() {
  return is_strangers() ? seats_.strangers_[address_] : seats_.idle_;
}

// Frees the seat at once, although the connection takes a moment to end.
void Seats::Seat::vacate() {
  stays();
  vacated_ = true;
  --seats_.taken_;
  hold_.give_back();
  vacate_();
}

}  // namespace agent_secrets::control_plane
