#include "control-plane/http/shared_budget.h"

#include <vector>

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

using Verdict = SharedBudget::Verdict;

// Takes until it is refused; returns the holds.
std::vector<SharedBudget::Hold> fill(SharedBudget& budget, const std::string& account) {
  std::vector<SharedBudget::Hold> holds;
  for (;;) {
    SharedBudget::Hold hold;
    if (budget.take(account, 1, hold) != Verdict::taken) return holds;
    holds.push_back(std::move(hold));
  }
}

TEST_CASE("one account gets its part of the total, and the next one a part of the rest") {
  SharedBudget budget(60, {1, 2});
  const auto first = fill(budget, "first");
  CHECK(first.size() == 30);
  const auto second = fill(budget, "second");
  CHECK(second.size() == 15);
  CHECK(budget.taken() == 45);
  CHECK(fill(budget, "third").size() == 7);
}

TEST_CASE("an account at its share is told apart from a budget that others have used up") {
  SharedBudget budget(10, {1, 2});
  const auto first = fill(budget, "first");
  SharedBudget::Hold hold;
  CHECK(budget.take("first", 1, hold) == Verdict::account_full);
  CHECK(budget.take("second", 9, hold) == Verdict::all_full);
  CHECK(budget.take("second", 2, hold) == Verdict::taken);
}

TEST_CASE("a hold gives back what it took, once, also after a move") {
  SharedBudget budget(10, {1, 1});
  SharedBudget::Hold kept;
  {
    SharedBudget::Hold hold;
    CHECK(budget.take("a", 6, hold) == Verdict::taken);
    kept = std::move(hold);
  }
  CHECK(budget.taken() == 6);
  CHECK(budget.take("a", 3, kept) == Verdict::taken);
  CHECK(budget.taken() == 3);
  kept.give_back();
  kept.give_back();
  CHECK(budget.taken() == 0);
}

TEST_CASE("the floor is given where the part rounds to nothing") {
  SharedBudget budget(1, {4, 5}, 1);
  const auto only = fill(budget, "first");
  CHECK(only.size() == 1);
  SharedBudget::Hold hold;
  CHECK(budget.take("second", 1, hold) == Verdict::all_full);
}

}  // namespace
}  // namespace agent_secrets::control_plane
