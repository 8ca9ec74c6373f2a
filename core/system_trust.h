#pragma once
// Where a distribution keeps the certificates it trusts. A directory of links named after the
// subject's hash costs one small file per handshake; parsing the bundle costs 25 to 30 ms.

namespace agent_secrets {

struct SystemTrust {
  const char* directory = nullptr;
  const char* bundle = nullptr;
};

// Neither where nothing is found: then nothing is trusted, and the handshake says so.
SystemTrust find_system_trust();

}  // namespace agent_secrets
