#include "core/name_service.h"

#include <nss.h>

#include "core/error.h"

namespace agent_secrets {

void resolve_hosts_without_modules() {
  // It fails only for an unknown name of a database or service, or without memory.
  AGENT_SECRETS_ASSERT(::__nss_configure_lookup("hosts", "files dns") == 0);
}

}  // namespace agent_secrets
