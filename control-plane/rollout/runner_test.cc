#include "control-plane/rollout/runner.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>

#include <sys/wait.h>
#include <unistd.h>

#include "control-plane/rollout/deploy_command.h"
#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

// Whether the process runs. Its command line would not tell: it is empty for a moment in each exec.
bool runs(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  const std::string line{std::istreambuf_iterator<char>(file), {}};
  const auto name_end = line.rfind(") ");
  return name_end != std::string::npos && line[name_end + 2] != 'Z';
}

// A runner over real stores, with the lease. Its thread is joined before the test checks the
// results.
struct Running : TestStores {
  Running() {
    need(catalog().rollouts.use_command(kAdmin));
    deploys.work_once();
  }

  Lifeline lifeline;
  LeaseKeeper deploys{std::string(kRolloutsWork),
                      catalog().leases,
                      clock,
                      log,
                      {.scope = LeaseScope::data_directory}};

  void deploy(const std::string& agent) {
    need(catalog().deploys.create_agent(kAdmin, acme, deploy_of(agent)));
    provisioner->publish_now();
  }
  // Runs until `is_enough`; commands that still run are stopped.
  void roll_out_until(const std::string& command, const std::function<bool()>& is_enough) {
    RolloutRunner runner({.command = command,
                          .time_limit = std::chrono::seconds(60),
                          .inherited = {"PATH=/usr/bin:/bin", "HOME=/nonexistent"},
                          .idle_poll = std::chrono::milliseconds(5),
                          .first_pause = {}},
                         catalog().rollouts, catalog().events, deploys, lifeline, log);
    const std::jthread thread([&](const std::stop_token& stop) { runner.run(stop); });
    while (!is_enough()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  // Runs until no rollout is due.
  void roll_out(const std::string& command) {
    roll_out_until(command, [this] { return need(catalog().rollouts.list_due()).empty(); });
  }
  std::vector<std::string> texts(const std::string& agent_name, const std::string& kind) {
    std::vector<std::string> found;
    for (const AgentEvent& event : need(catalog().events.list(agent(agent_name).id))) {
      if (event.kind == kind) found.push_back(event.text);
    }
    return found;
  }
};

}  // namespace

TEST_CASE("the command is told the facts, and nothing of the server's own") {
  Running t;
  t.deploy("bot");
  t.roll_out("env | grep AGENT_SECRETS | sort");
  const auto lines = t.texts("bot", "output");
  CHECK(lines.size() == 12);
  const auto told = [&](const std::string& line) {
    return std::ranges::find(lines, line) != lines.end();
  };
  CHECK(told("AGENT_SECRETS_DEPLOY_EVENT=deploy"));
  CHECK(told("AGENT_SECRETS_DEPLOY_AGENT=bot"));
  CHECK(told("AGENT_SECRETS_DEPLOY_ORGANIZATION=acme"));
  CHECK(told("AGENT_SECRETS_DEPLOY_NAME=acme--bot"));
  CHECK(told("AGENT_SECRETS_DEPLOY_IMAGE=img:1"));
  CHECK(told("AGENT_SECRETS_DEPLOY_SECRET_SET_VERSION="));
  CHECK(told("AGENT_SECRETS_DEPLOY_ID=" + t.agent("bot").deployment.id));
  CHECK(t.agent("bot").reconciled_deployment == t.agent("bot").deployment.id);
}

TEST_CASE("what a command inherits has none of the server's settings") {
  char path[] = "PATH=/bin";
  char key[] = "AGENT_SECRETS_MASTER_KEY=secret";
  char password[] = "PGPASSWORD=secret";
  char* environment[] = {path, key, password, nullptr};
  CHECK(rollout_inherits(environment) == std::vector<std::string>{"PATH=/bin"});
}

TEST_CASE("a failure is said with the last line of output, fit for the CLI") {
  Running t;
  t.deploy("bot");
  t.roll_out("echo first; printf 'no [space] \\033[31mleft\\n' >&2; exit 3");
  const Agent bot = t.agent("bot");
  REQUIRE(bot.rollout.has_value());
  const std::string& failure = bot.rollout->failure;
  CHECK(failure == "The deploy command failed: exit code 3: no (space) \\x1b(31mleft");
  CHECK(t.texts("bot", "on-deploy").back() == "deploy: " + failure);
}

TEST_CASE("output past its bound is counted") {
  Running t;
  t.deploy("bot");
  t.roll_out("seq 60");
  CHECK(t.texts("bot", "output").size() == 51);
  CHECK(t.texts("bot", "output").back() == "… and 10 lines more");
}

TEST_CASE("each of several agents gets its own run") {
  Running t;
  for (const char* name : {"a1", "a2", "a3", "a4", "a5", "a6"}) t.deploy(name);
  t.roll_out("echo $AGENT_SECRETS_DEPLOY_AGENT");
  for (const char* name : {"a1", "a2", "a3", "a4", "a5", "a6"}) {
    CHECK(t.texts(name, "output") == std::vector<std::string>{name});
  }
}

TEST_CASE("slow commands of one organization do not hold up another's") {
  Running t;
  for (const char* name : {"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"}) t.deploy(name);
  const std::int64_t beta =
      need(t.catalog().organizations.create(kAdmin, "beta", "", "us-west")).id;
  need(t.catalog().deploys.create_agent(kAdmin, beta, deploy_of("quick")));
  t.provisioner->publish_now();
  const auto quick = [&] { return *need(t.catalog().agents.find(beta, "quick")); };
  t.roll_out_until(
      "echo $AGENT_SECRETS_DEPLOY_ORGANIZATION;"
      " [ $AGENT_SECRETS_DEPLOY_ORGANIZATION = beta ] || exec sleep 100",
      [&] {
        return !quick().rollout && !t.texts("s1", "output").empty() &&
               !t.texts("s2", "output").empty();
      });
  CHECK(quick().reconciled_deployment == quick().deployment.id);
  std::size_t begun = 0;
  for (const char* name : {"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"}) {
    begun += t.texts(name, "output").size();
  }
  CHECK(begun == limits::kRolloutsOfOrganization);
}

TEST_CASE("agents of one name in two organizations have targets of their own") {
  Running t;
  t.deploy("bot");
  const std::int64_t beta =
      need(t.catalog().organizations.create(kAdmin, "beta", "", "us-west")).id;
  need(t.catalog().deploys.create_agent(kAdmin, beta, deploy_of("bot")));
  t.provisioner->publish_now();
  t.roll_out("echo $AGENT_SECRETS_DEPLOY_NAME");
  const Agent other = *need(t.catalog().agents.find(beta, "bot"));
  CHECK(t.texts("bot", "output") == std::vector<std::string>{"acme--bot"});
  CHECK(need(t.catalog().events.list(other.id)).at(2).text == "beta--bot");
}

TEST_CASE("no fact is an option, or anything that a shell acts on") {
  Rollout rollout;
  rollout.organization = "acme";
  rollout.agent = "bot";
  rollout.region = "us-west";
  rollout.deployment_id = "3f2b8c1e-0000-4000-8000-000000000000";
  rollout.image = "Registry.Example:5000/team/bot__x:V_1.2@sha256:" + std::string(64, 'f');
  rollout.secret_set = "bot-secrets.v2";
  for (const std::string& fact : rollout_facts(rollout)) {
    const std::string value = fact.substr(fact.find('=') + 1);
    INFO(fact);
    CHECK_FALSE(value.starts_with('-'));
    CHECK(std::ranges::all_of(value, [](unsigned char c) {
      return std::isalnum(c) != 0 ||
             std::string_view("-._/:@").find(static_cast<char>(c)) != std::string_view::npos;
    }));
  }
}

TEST_CASE("a command that is stopped with the server is owed again") {
  Running t;
  t.deploy("bot");
  RolloutRunner runner({.command = "echo up; exec sleep 100",
                        .inherited = {"PATH=/usr/bin:/bin"},
                        .idle_poll = std::chrono::milliseconds(5),
                        .first_pause = {}},
                       t.catalog().rollouts, t.catalog().events, t.deploys, t.lifeline, t.log);
  {
    const std::jthread thread([&](const std::stop_token& stop) { runner.run(stop); });
    while (t.texts("bot", "output").empty()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  CHECK(need(t.catalog().rollouts.list_due()).size() == 1);
  CHECK_FALSE(t.agent("bot").rollout->has_failed);
}

TEST_CASE("a runner that loses its lease kills its commands, which are due again") {
  Running t;
  t.deploy("bot");
  std::string pid;
  bool was_running = false;
  t.roll_out_until("echo $$; exec sleep 1000", [&] {
    const auto lines = t.texts("bot", "output");
    if (lines.empty()) return false;
    if (pid.empty()) {
      pid = lines.front();
      was_running = runs(pid);
      t.deploys.release();
    }
    return !runs(pid);
  });
  CHECK(was_running);
  CHECK(need(t.catalog().rollouts.list_due()).size() == 1);
  CHECK_FALSE(t.agent("bot").rollout->has_failed);
  CHECK(t.texts("bot", "on-deploy") == std::vector<std::string>{"deploy: started"});
}

TEST_CASE("a command that its supervisor kills at the end of the lease is due again") {
  Running t;
  t.deploy("bot");
  const auto starts = [&] {
    return std::ranges::count(t.texts("bot", "on-deploy"), "deploy: started");
  };
  t.roll_out_until("echo up; exec sleep 100", [&] {
    if (t.texts("bot", "output").empty()) return false;
    // What happens to a process that is stopped (SIGSTOP) while its lease ends, and then goes on.
    if (starts() == 1) {
      t.deploys.give_up(*t.deploys.term());
      t.lifeline.hold_until(std::chrono::milliseconds(0));
      t.deploys.work_once();
    }
    return starts() >= 2;
  });
  CHECK(need(t.catalog().rollouts.list_due()).size() == 1);
  CHECK_FALSE(t.agent("bot").rollout->has_failed);
}

TEST_CASE("a runner without the lease starts no command") {
  Running t;
  t.deploy("bot");
  t.deploys.release();
  t.take_lease(kRolloutsWork);
  int looks = 0;
  t.roll_out_until("echo up", [&] { return ++looks == 100; });
  CHECK(t.texts("bot", "on-deploy").empty());
}

TEST_CASE("a runner that takes the lease says again that there is a deploy command") {
  Running t;
  need(t.catalog().rollouts.forget_command(
      kAdmin));  // by an operator, while no runner had the lease
  bool deployed = false;
  t.roll_out_until("echo up", [&] {
    if (!need(t.catalog().rollouts.has_command())) return false;
    if (!std::exchange(deployed, true)) t.deploy("bot");
    return !t.texts("bot", "output").empty();
  });
  CHECK(t.texts("bot", "output") == std::vector<std::string>{"up"});
}

// The process is a child with connections of its own, as in provisioner_crash_test.cc.
TEST_CASE("the command of a process that is killed ends with it, and is due again") {
  Running t;
  t.deploy("bot");
  t.close();
  const std::string written = t.directory.path("pid");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto opened = t.open();
    if (!opened) ::_exit(1);
    DeployCommand deploys(RolloutOptions{.command = "echo $$ >" + written + ".new; mv " + written +
                                                    ".new " + written + "; exec sleep 1000",
                                         .inherited = {"PATH=/usr/bin:/bin"},
                                         .idle_poll = std::chrono::milliseconds(5),
                                         .first_pause = {}},
                          *opened->catalog, {.scope = LeaseScope::data_directory}, t.clock, t.log);
    if (!deploys.start()) ::_exit(1);
    for (;;) ::pause();
  }
  std::string pid;
  while (pid.empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::ifstream(written) >> pid;
  }
  CHECK(runs(pid));
  REQUIRE(::kill(child, SIGKILL) == 0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  while (runs(pid)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  t.reopen();
  CHECK(need(t.catalog().rollouts.list_due()).size() == 1);
  CHECK_FALSE(t.agent("bot").rollout->has_failed);
}

}  // namespace agent_secrets::control_plane
