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

SharedBudget::Verdict SharedBudget::take(const std::string& account, std::uint64_t amount,
                                         Hold& hold) {
  hold.give_back();
  if (amount == 0) return Verdict::taken;
  const auto found = accounts_.find(account);
  const std::uint64_t held = found == accounts_.end() ? 0 : found->second;
  const std::uint64_t left_by_others = total_ - (taken_ - held);
  const std::uint64_t share =
      std::max(floor_, left_by_others * most_.numerator / most_.denominator);
  // `held` may be above a share that has shrunk since; amounts are far from overflow.
  if (held + amount > share && held > 0) return Verdict::account_full;
  if (held + amount > share || amount > total_ - taken_) return Verdict::all_full;
  taken_ += amount;
  accounts_[account] = held + amount;
  hold.budget_ = this;
  hold.account_ = account;
  hold.amount_ = amount;
  return Verdict::taken;
}

}  // namespace agent_secrets::control_plane
