#include "control-plane/rollout/deploy_name.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control-plane/catalog/rules.h"
#include "core/limits.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

// Every text of 1 to `size` of these characters that the rule accepts.
template <typename Accepts>
std::vector<std::string> all_names(std::size_t size, Accepts accepts) {
  std::vector<std::string> names;
  std::vector<std::string> longer{""};
  for (std::size_t length = 1; length <= size; ++length) {
    std::vector<std::string> next;
    for (const std::string& shorter : longer) {
      for (const char c : {'a', 'b', '-'}) next.push_back(shorter + c);
    }
    for (const std::string& name : next) {
      if (accepts(name)) names.push_back(name);
    }
    longer = std::move(next);
  }
  return names;
}

bool is_label(const std::string& name) {
  return check_plain_name("name", name).has_value() && name.size() <= limits::kDeployNameMax;
}

}  // namespace

TEST_CASE("a deploy name is organization and agent, joined where both can be seen") {
  CHECK(deploy_name("acme", "bot") == "acme--bot");
  CHECK(deploy_name("a-b", "c1") == "a-b--c1");
  CHECK(deploy_name("a", "b-c1") == "a--b-c1");
}

TEST_CASE("no two agents of any organizations share a deploy name") {
  const auto organizations = all_names(
      6, [](const std::string& name) { return check_plain_name("name", name).has_value(); });
  const auto agents =
      all_names(6, [](const std::string& name) { return check_agent_name(name).has_value(); });
  REQUIRE(organizations.size() > 300);
  std::map<std::string, std::pair<std::string, std::string>> taken;
  for (const std::string& organization : organizations) {
    for (const std::string& agent : agents) {
      const std::string name = deploy_name(organization, agent);
      const auto [place, added] = taken.try_emplace(name, organization, agent);
      if (added && is_label(name)) continue;
      INFO(name << ": " << organization << "/" << agent << ", " << place->second.first << "/"
                << place->second.second);
      CHECK(added);
      CHECK(is_label(name));
    }
  }
}

TEST_CASE("names that are too long to join keep apart by their hash") {
  const std::string long_one(limits::kSetNameMax, 'o');
  const std::string long_agent(limits::kAgentNameMax, 'a');
  const std::string other_agent = std::string(limits::kAgentNameMax - 1, 'a') + "b";
  const std::string name = deploy_name(long_one, long_agent);
  CHECK(is_label(name));
  CHECK(name.size() == limits::kDeployNameMax);
  CHECK(name != deploy_name(long_one, other_agent));
  CHECK(name == deploy_name(long_one, long_agent));
}

TEST_CASE("no deploy name is one that DNS keeps for itself") {
  CHECK(deploy_name("xn", "bot").find("--") == std::string::npos);
  CHECK(deploy_name("x", "n--bot").find("--") == std::string::npos);
}

// Operators create their Deployments and apps with these names, so a release must not change them.
TEST_CASE("the deploy names of this release are those of every release") {
  CHECK(deploy_name("xn", "bot") == "xn-bot-c848df2b9133fcd27464");
  CHECK(deploy_name("a--b", "bot") == "a-b-bot-847d3d17dc08118e53a1");
}

}  // namespace agent_secrets::control_plane
