#include "control-plane/catalog/catalog.h"

#include <utility>

namespace agent_secrets::control_plane {

Catalog::Catalog(std::unique_ptr<Database> database, MasterKey master_key, const Clock& clock)
    : context{.database = std::move(database),
              .cipher = CatalogCipher(std::move(master_key)),
              .clock = clock,
              .known_regions = {}} {}

}  // namespace agent_secrets::control_plane
