#pragma once
// Where a distribution keeps the certificates it trusts. A directory of links named after the
// subject's hash costs one small file per handshake; parsing the bundle costs 25 to 30 ms.

namespace agent_secrets {

struct SystemTrust {
  const char* directory = nullptr;
  const char* bundle = nullptr;
};

// Both are empty if nothing is found: then no certificate is trusted, and the handshake fails.
SystemTrust find_system_trust();

}  // namespace agent_secrets
