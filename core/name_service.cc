#include "core/name_service.h"

#include <nss.h>

#include "core/error.h"

namespace agent_secrets {

void resolve_hosts_without_modules() {
  // It fails for a name of a database or service that it does not know, or without memory.
  AGENT_SECRETS_ASSERT(::__nss_configure_lookup("hosts", "files dns") == 0);
}

}  // namespace agent_secrets
