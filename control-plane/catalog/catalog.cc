#include "control-plane/catalog/catalog.h"

#include <utility>

namespace agent_secrets::control_plane {

Catalog::Catalog(std::unique_ptr<Database> database, MasterKey master_key, AuditKeys audit_keys,
                 Authority authority, const Clock& clock)
    : context{.database = std::move(database),
              .master_key = master_key,
              .cipher = CatalogCipher(std::move(master_key)),
              .audit_keys = std::move(audit_keys),
              .authority = std::move(authority),
              .clock = clock,
              .known_regions = {}} {}

}  // namespace agent_secrets::control_plane
