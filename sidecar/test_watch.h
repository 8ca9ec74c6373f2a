#pragma once
// Shared by the tests of the sidecar: answers in the control plane's format.

#include <array>
#include <string_view>

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

}  // namespace agent_secrets::sidecar
