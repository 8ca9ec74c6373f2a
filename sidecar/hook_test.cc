#include "sidecar/hook.h"

#include <fstream>
#include <sstream>

#include "sidecar/test_watch.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::sidecar {
namespace {

Knowledge knowing(const char* json) {
  Knowledge knowledge;
  knowledge.answer = answer_of(json);
  knowledge.running_sequence = 5;
  knowledge.instance = "host-1";
  return knowledge;
}

struct Hooked {
  TemporaryDirectory temporary;
  StateDirectory directory = std::move(*StateDirectory::open(temporary.path()));
  CapturedLog captured;

  std::string output() const { return temporary.path() + "/ran"; }
  // Each run appends its facts as one line.
  std::string command() const {
    return "echo $AGENT_SECRETS_STATE $AGENT_SECRETS_CHANGED_KEYS $OTHER >> " + output();
  }
  std::unique_ptr<Hook> hook(const std::string& command, std::chrono::milliseconds limit) {
    auto made = std::make_unique<Hook>(command, limit, std::vector<std::string>{"OTHER=other"},
                                       directory, captured.log());
    REQUIRE(made->start().has_value());
    return made;
  }
  // One run at a time, in order, so the wait for the count is enough.
  std::string after_runs(Hook& hook, std::int64_t runs) {
    while (hook.counts().runs < runs) std::this_thread::yield();
    hook.stop();
    std::ifstream file(output());
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
};

}  // namespace

TEST_CASE("a change's identity is its state, releases and versions") {
  CHECK(change_id(knowing(kStaleJson)) == "stale 5 5 bot-secrets=3");
  CHECK(change_id(knowing(kSupersededJson)) == "superseded 5 6 bot-secrets=3");
  CHECK(change_id(knowing(kRevokedJson)) == "revoked 5");
}

TEST_CASE("the facts name the changed keys") {
  const auto facts = hook_facts(knowing(kStaleJson));
  CHECK(facts == std::vector<std::string>{
                     "AGENT_SECRETS_STATE=stale", "AGENT_SECRETS_ORGANIZATION=acme",
                     "AGENT_SECRETS_AGENT=bot", "AGENT_SECRETS_INSTANCE=host-1",
                     "AGENT_SECRETS_RUNNING_SEQUENCE=5", "AGENT_SECRETS_LATEST_SEQUENCE=5",
                     "AGENT_SECRETS_CHANGES=bot-secrets v2→v3 changed: GREETING",
                     "AGENT_SECRETS_CHANGED_KEYS=bot-secrets:GREETING"});
}

TEST_CASE("a fact is never larger than execve takes") {
  Knowledge knowledge = knowing(kStaleJson);
  knowledge.answer.latest->sets[0].changed_keys.assign(1024, std::string(64, 'K'));
  for (const std::string& fact : hook_facts(knowledge)) CHECK(fact.size() < 64uz * 1024);
}

TEST_CASE("the command keeps the environment, less what names the sidecar's credential") {
  std::string path = "PATH=/bin";
  std::string credential = "AGENT_SECRETS_SIDECAR_CREDENTIAL_FILE=/c";
  std::array<char*, 3> environment{path.data(), credential.data(), nullptr};
  CHECK(hook_inherits(environment.data()) == std::vector<std::string>{"PATH=/bin"});
}

TEST_CASE("the first current is no change, and each change runs once") {
  Hooked h;
  auto hook = h.hook("exit 0", std::chrono::seconds(10));
  hook->update(knowing(kCurrentJson));
  hook->update(knowing(kCurrentJson));
  hook->stop();
  CHECK(hook->counts().runs == 0);
}

TEST_CASE("a change runs the command with its facts") {
  Hooked h;
  auto hook = h.hook(h.command(), std::chrono::seconds(10));
  hook->update(knowing(kCurrentJson));
  hook->update(knowing(kStaleJson));
  hook->update(knowing(kStaleJson));
  while (!h.captured.text().contains("done")) std::this_thread::yield();
  CHECK(h.after_runs(*hook, 1) == "stale bot-secrets:GREETING other\n");
  CHECK(hook->counts().runs == 1);
  CHECK(hook->counts().failures == 0);
}

TEST_CASE("a restarted sidecar does not run the same change again") {
  Hooked h;
  {
    auto hook = h.hook("exit 3", std::chrono::seconds(10));
    hook->update(knowing(kStaleJson));
    while (hook->counts().failures == 0) std::this_thread::yield();
    hook->stop();
  }
  auto hook = h.hook("exit 0", std::chrono::seconds(10));
  hook->update(knowing(kStaleJson));
  hook->stop();
  CHECK(hook->counts().runs == 0);
}

TEST_CASE("a failed command is a warning with its exit code, and its output is logged") {
  Hooked h;
  auto hook = h.hook("echo no credit left; exit 3", std::chrono::seconds(10));
  hook->update(knowing(kStaleJson));
  while (hook->counts().failures == 0) std::this_thread::yield();
  hook->stop();
  CHECK(h.captured.text().contains("no credit left"));
  CHECK(h.captured.text().contains("exit code 3"));
}

TEST_CASE("changes during a run become one run with the newest") {
  Hooked h;
  const std::string gate = h.temporary.path() + "/gate";
  auto hook = h.hook("until [ -e " + gate + " ]; do sleep 0.01; done; " + h.command(),
                     std::chrono::seconds(10));
  hook->update(knowing(kStaleJson));
  while (hook->counts().runs == 0) std::this_thread::yield();
  Knowledge newer = knowing(kStaleJson);
  newer.answer.latest->sets[0].version = 4;
  hook->update(newer);
  hook->update(knowing(kSupersededJson));
  std::ofstream(gate) << "open";
  while (hook->counts().runs < 2 || !h.captured.text().contains("superseded 5 6")) {
    std::this_thread::yield();
  }
  CHECK(h.after_runs(*hook, 2) == "stale bot-secrets:GREETING other\nsuperseded other\n");
}

TEST_CASE("a stop ends a run that is under way") {
  Hooked h;
  auto hook = h.hook("sleep 100", std::chrono::seconds(100));
  hook->update(knowing(kStaleJson));
  while (hook->counts().runs == 0) std::this_thread::yield();
  hook->stop();
  CHECK(hook->counts().failures == 1);
}

}  // namespace agent_secrets::sidecar
