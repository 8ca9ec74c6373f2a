#include "control-plane/rollout/deploy_turns.h"

#include <string>
#include <vector>

#include "core/limits.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

// Requests, oldest first; agents are numbered from 1.
std::vector<Rollout> requests(const std::vector<std::string>& organizations) {
  std::vector<Rollout> due;
  for (const std::string& name : organizations) {
    Rollout& rollout = due.emplace_back();
    rollout.agent_id = static_cast<std::int64_t>(due.size());
    rollout.organization = name;
  }
  return due;
}

// Starts all rollouts that may start; returns the agents, in order.
std::vector<std::int64_t> start_all(DeployTurns& turns, const std::vector<Rollout>& due) {
  std::vector<std::int64_t> started;
  while (const Rollout* next = turns.next(due)) {
    turns.started(*next);
    started.push_back(next->agent_id);
  }
  return started;
}

using Agents = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("organizations take turns, each with its oldest request first") {
  DeployTurns turns;
  CHECK(start_all(turns, requests({"a", "a", "a", "b", "b", "c"})) == Agents{1, 4, 6, 2, 5});
}

TEST_CASE("one organization leaves places for others, however much it asks for") {
  DeployTurns turns;
  auto due = requests(std::vector<std::string>(20, "greedy"));
  CHECK(start_all(turns, due).size() == limits::kRolloutsOfOrganization);
  due = requests({"greedy", "greedy", "greedy", "modest"});
  CHECK(start_all(turns, due) == Agents{4});
}

TEST_CASE("the last places are kept for organizations that run none") {
  DeployTurns turns;
  const auto due = requests({"a", "b", "c", "d", "a", "b", "c", "d"});
  CHECK(start_all(turns, due) == Agents{1, 2, 3, 4, 5, 6});
  auto later = requests({"a", "b", "c", "d", "a", "b", "c", "d", "e", "f", "g"});
  CHECK(start_all(turns, later) == Agents{9, 10});
}

TEST_CASE("never more run than the limit, and one ends before the next starts") {
  DeployTurns turns;
  const auto due = requests({"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"});
  REQUIRE(start_all(turns, due) == Agents{1, 2, 3, 4, 5, 6, 7, 8});
  turns.ended(3);
  CHECK_FALSE(turns.runs(3));
  CHECK(start_all(turns, due) == Agents{9});
}

TEST_CASE("who has just had a turn waits for the others, also when asking first") {
  DeployTurns turns;
  const auto due = requests({"a", "a", "b"});
  turns.started(due[0]);
  turns.ended(1);
  CHECK(turns.next(due)->organization == "b");
}

TEST_CASE("an agent whose command runs is not started again") {
  DeployTurns turns;
  const auto due = requests({"a"});
  CHECK(start_all(turns, due) == Agents{1});
  CHECK(turns.next(due) == nullptr);
}

}  // namespace agent_secrets::control_plane
