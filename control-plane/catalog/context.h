#pragma once
// What the subjects of the catalog share. A Catalog owns one context, and each subject refers to
// it.
//
// Threads: safe from several.

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "control-plane/database/database.h"
#include "control-plane/keys/audit_keys.h"
#include "control-plane/keys/authority.h"
#include "control-plane/keys/catalog_cipher.h"
#include "control-plane/keys/value_cipher.h"
#include "core/clock.h"

namespace agent_secrets::control_plane {

// The regions whose stores this process has opened. Until they are given, all regions.
class KnownRegions {
 public:
  void know_only(std::set<std::string> codes) {
    const std::scoped_lock lock(mutex_);
    codes_ = std::move(codes);
  }
  [[nodiscard]] bool contains(const std::string& code) const {
    const std::scoped_lock lock(mutex_);
    return !codes_ || codes_->contains(code);
  }

 private:
  mutable std::mutex mutex_;
  std::optional<std::set<std::string>> codes_;
};

struct CatalogContext {
  std::unique_ptr<Database> database;  // migrated
  MasterKey master_key;
  CatalogCipher cipher;
  AuditKeys audit_keys;
  Authority authority;  // catalog/coded_tables.h
  const Clock& clock;
  KnownRegions known_regions = {};
};

}  // namespace agent_secrets::control_plane
