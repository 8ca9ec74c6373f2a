#include "control-plane/commands/test_command.h"
#include "control-plane/data_directory.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

// A deployment that waits for a deploy command. The commands name a data directory.
struct Waiting : TestStores {
  Waiting() : TestStores(TestedDatabase::sqlite) {
    need(catalog().rollouts.use_command(kAdmin));
    need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("bot")));
    provisioner->publish_now();
  }
  Result<ExitCode> forget() {
    return run_command({"deploy-command", "forget", "--data-dir", data(), "--master-key-file",
                        directory.path("master.key")},
                       clock);
  }
  bool is_available() { return !agent("bot").reconciled_deployment.empty(); }
};

TEST_CASE("without the deploy command, what waited for it is available") {
  Waiting t;
  CHECK_FALSE(t.is_available());
  CHECK(need(t.forget()) == kExitOk);
  CHECK(t.is_available());
  CHECK_FALSE(need(t.catalog().rollouts.has_command()));
  t.take_lease(kRolloutsWork);  // the command has released it
}

TEST_CASE("a deploy command is not forgotten while a server has it") {
  Waiting t;
  SECTION("that holds the lease") {
    t.take_lease(kRolloutsWork, "host-1");
    CHECK(refusal(t.forget()).message ==
          "forget the deploy command: the server host-1 has a deploy command, or had it a few "
          "seconds ago");
  }
  SECTION("that serves the data directory") {
    const UniqueFd lock = need(lock_data_directory(t.data()));
    CHECK(refusal(t.forget()).code == ErrorCode::conflict);
  }
  CHECK_FALSE(t.is_available());
}

}  // namespace
}  // namespace agent_secrets::control_plane
