#include "control-plane/commands/test_command.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {

TEST_CASE("a revocation that its region has not confirmed is an error with a hint") {
  TestStores t(TestedDatabase::sqlite);
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot")));
  need(t.catalog().credentials.add(kAdmin, t.acme, "bot", "ak_one", {}));
  const Error error =
      refusal(run_command({"credential", "revoke", "bot", "ak_one", "--data-dir", t.data(),
                           "--master-key-file", t.directory.path("master.key")},
                          t.clock));
  CHECK(error.message.find("not confirmed") != std::string::npos);
  CHECK(error.hint.find("serve") != std::string::npos);
  CHECK(need(t.catalog().credentials.list(t.acme, "bot")).front().revoked_at.has_value());
}

}  // namespace agent_secrets::control_plane
