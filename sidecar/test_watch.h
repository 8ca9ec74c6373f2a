#pragma once
// What the tests of the sidecar share: answers as the control plane spells them, and an empty
// directory that is gone afterwards.

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/credential.h"
#include "core/error.h"
#include "sidecar/watch_answer.h"

namespace agent_secrets::sidecar {

inline constexpr const char* kCurrentJson =
    R"({"state":"current","organization":"acme","agent":"bot","sequence":5,)"
    R"("running":{"sequence":5,"deployment":"d1","sets":[{"name":"bot-secrets","version":2}]},)"
    R"("latest":{"sequence":5,"deployment":"d1",)"
    R"("sets":[{"name":"bot-secrets","version":2,"changed_keys":[]}]}})";
inline constexpr const char* kStaleJson =
    R"({"state":"stale","organization":"acme","agent":"bot","sequence":5,)"
    R"("running":{"sequence":5,"deployment":"d1","sets":[{"name":"bot-secrets","version":2}]},)"
    R"("latest":{"sequence":5,"deployment":"d1",)"
    R"("sets":[{"name":"bot-secrets","version":3,"changed_keys":["GREETING"]}]}})";
inline constexpr const char* kSupersededJson =
    R"({"state":"superseded","organization":"acme","agent":"bot","sequence":6,)"
    R"("running":{"sequence":5,"deployment":"d1","sets":[{"name":"bot-secrets","version":2}]},)"
    R"("latest":{"sequence":6,"deployment":"d2",)"
    R"("sets":[{"name":"bot-secrets","version":3,"changed_keys":[]}]}})";
inline constexpr const char* kRevokedJson =
    R"({"state":"revoked","organization":"acme","agent":"bot","sequence":0,)"
    R"("running":null,"latest":null})";

inline WatchAnswer answer_of(std::string_view json) {
  auto answer = parse_watch_answer(json);
  AGENT_SECRETS_ASSERT(answer.has_value());
  return *answer;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "sidecar-test-XXXXXX").string();
    AGENT_SECRETS_ASSERT(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string path;
};

}  // namespace agent_secrets::sidecar
