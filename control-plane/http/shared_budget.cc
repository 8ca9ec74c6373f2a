#include "control-plane/http/shared_budget.h"

#include <algorithm>

namespace agent_secrets::control_plane {

SharedBudget::Hold& SharedBudget::Hold::operator=(Hold&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  budget_ = std::exchange(other.budget_, nullptr);
  account_ = std::move(other.account_);
  amount_ = other.amount_;
  return *this;
}

void SharedBudget::Hold::give_back() {
  if (budget_ == nullptr) return;
  budget_->taken_ -= amount_;
  const auto held = budget_->accounts_.find(account_);
  held->second -= amount_;
  if (held->second == 0) budget_->accounts_.erase(held);
  budget_ = nullptr;
}

std::uint64_t SharedBudget::held_by(const std::string& account) const {
  const auto found = accounts_.find(account);
  return found == accounts_.end() ? 0 : found->second;
}

std::uint64_t SharedBudget::share_of(const std::string& account) const {
  const std::uint64_t left_by_others = total_ - (taken_ - held_by(account));
  return std::max(floor_, left_by_others * most_.numerator / most_.denominator);
}

// The held amount may be over the share, because the share can have become smaller.
std::uint64_t SharedBudget::left_for(const std::string& account) const {
  const std::uint64_t share = share_of(account);
  const std::uint64_t held = held_by(account);
  return share > held ? std::min(share - held, total_ - taken_) : 0;
}

SharedBudget::Verdict SharedBudget::take(const std::string& account, std::uint64_t amount,
                                         Hold& hold) {
  hold.give_back();
  if (amount == 0) return Verdict::taken;
  if (amount > left_for(account)) {
    return held_by(account) > 0 ? Verdict::account_full : Verdict::all_full;
  }
  taken_ += amount;
  accounts_[account] += amount;
  hold.budget_ = this;
  hold.account_ = account;
  hold.amount_ = amount;
  return Verdict::taken;
}

}  // namespace agent_secrets::control_plane
