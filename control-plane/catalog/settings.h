#pragma once
// Named texts that belong to the whole control plane, such as its public URLs.

#include <optional>
#include <string>
#include <string_view>

#include "control-plane/model/actor.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct CatalogContext;

class Settings {
 public:
  explicit Settings(CatalogContext& context) : context_(context) {}

  // A change that somebody makes, with its record in the audit log. `action` is that of the record.
  Result<void> change(const Actor& actor, std::string_view action, std::string_view name,
                      std::string_view value);
  // A fact that the program notes for itself.
  Result<void> put(std::string_view name, std::string_view value);
  Result<std::optional<std::string>> find(std::string_view name);

 private:
  CatalogContext& context_;
};

}  // namespace agent_secrets::control_plane
