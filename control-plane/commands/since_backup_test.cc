#include "control-plane/commands/since_backup.h"

#include <fstream>

#include <boost/json/serialize.hpp>

#include "control-plane/audit/record_json.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

constexpr UnixMs kBackup{1'000};

struct Records {
  void add(std::string action, std::string object, std::string detail = "",
           UnixMs at = UnixMs(2'000), std::string_view outcome = kAuditDone,
           bool is_authentic = true) {
    const AuditRecord record{.id = 1,
                             .entry = {.at = at,
                                       .organization = "acme",
                                       .action = std::move(action),
                                       .object = std::move(object),
                                       .detail = std::move(detail),
                                       .outcome = std::string(outcome)},
                             .is_authentic = is_authentic};
    text += boost::json::serialize(record_json(record)) + "\n";
  }
  [[nodiscard]] Result<std::string> list() const {
    const std::string file = directory.path("records");
    std::ofstream(file) << text;
    return list_changes_since(file, kBackup);
  }
  std::string text;
  TemporaryDirectory directory;
};

}  // namespace

TEST_CASE("changes since a backup are listed, revocations first, each object once") {
  Records records;
  records.add("set.write", "set bot-secrets", "version 8, keys A");
  records.add("credential.revoke", "credential ak_1 of agent bot");
  records.add("set.write", "set bot-secrets", "version 9, keys B");
  records.add("region.rename", "region eu");
  CHECK(need(records.list()) ==
        "Revoke or remove again, first of all:\n"
        "  credential.revoke  credential ak_1 of agent bot of acme\n"
        "Write again (the values are not in the log):\n"
        "  set.write  set bot-secrets of acme: version 9, keys B\n"
        "Other changes:\n"
        "  region.rename  region eu of acme\n");
}

TEST_CASE("what was done before the backup, refused, unchanged or forged is not listed") {
  Records records;
  records.add("token.revoke", "token old", "", kBackup);
  records.add("token.revoke", "token kept", "", UnixMs(2'000), kAuditRefused);
  records.add("set.write", "set same", "", UnixMs(2'000), kAuditUnchanged);
  CHECK(need(records.list()) == "No change since then is in the audit records.\n");
  records.add("token.revoke", "token forged", "", UnixMs(2'000), kAuditDone, false);
  CHECK(need(records.list()) ==
        "No change since then is in the audit records.\n"
        "Left out, because no server has written them: 1 records\n");
}

TEST_CASE("a name cannot write to the terminal") {
  Records records;
  records.add("token.revoke", "token \x1b[2J");
  CHECK(need(records.list()).find('\x1b') == std::string::npos);
}

TEST_CASE("a line that is no record, and a file that is not there, are errors") {
  Records records;
  records.add("set.write", "set bot-secrets");
  records.text += "not json\n";
  CHECK(refusal(records.list()).message.find("line 2 is not an audit record") != std::string::npos);
  CHECK_FALSE(list_changes_since(records.directory.path("missing"), kBackup));
}

}  // namespace agent_secrets::control_plane
