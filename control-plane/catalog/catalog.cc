#include "control-plane/catalog/catalog.h"

#include <utility>

namespace agent_secrets::control_plane {

Catalog::Catalog(std::unique_ptr<Database> database, ValueCipher cipher, Authority authority,
                 const Clock& clock)
    : context{.database = std::move(database),
              .cipher = std::move(cipher),
              .authority = std::move(authority),
              .clock = clock,
              .known_regions = {}} {}

}  // namespace agent_secrets::control_plane
