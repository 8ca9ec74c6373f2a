#pragma once
// What the subjects of the catalog share. A Catalog owns one context, and each subject refers to
// it.
//
// Threads: `known_regions` is set before there are several threads; the rest is safe from several.

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "control-plane/database/database.h"
#include "control-plane/keys/value_cipher.h"
#include "core/clock.h"

namespace agent_secrets::control_plane {

struct CatalogContext {
  std::unique_ptr<Database> database;  // migrated
  ValueCipher cipher;
  const Clock& clock;
  std::optional<std::set<std::string>> known_regions;  // absent: all

  [[nodiscard]] bool knows(const std::string& region) const {
    return !known_regions || known_regions->contains(region);
  }
};

}  // namespace agent_secrets::control_plane
