#pragma once
// Regions of sets and agents. Each region has a store and keys of its own (control-plane/region).

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/model/actor.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct CatalogContext;
class Transaction;

struct Region {
  std::string code;
  std::string display_name;
};

class Regions {
 public:
  explicit Regions(CatalogContext& context) : context_(context) {}

  // The rules for a new region, without a look at the catalog.
  static Result<void> check_new(const Region& region);
  // Adding a removed region again brings it back with the store and the keys that it had.
  Result<void> add(const Actor& actor, const Region& region);
  Result<void> rename(const Actor& actor, std::string_view code, std::string_view display_name);
  // In the order in which they were added.
  Result<std::vector<Region>> list();
  // Of all regions, also those that know_only() leaves out.
  Result<std::set<std::string>> codes();
  // ErrorCode::conflict while something is in use; the sentence names it. The region's store and
  // its keys stay.
  Result<void> remove(const Actor& actor, std::string_view code);
  // Limits this catalog to `codes`: the regions whose stores this process has opened. A region that
  // another process adds is not listed, and a write to it is ErrorCode::unavailable, until this is
  // called again.
  void know_only(std::set<std::string> codes);

 private:
  CatalogContext& context_;
};

// For the other subjects: ErrorCode::invalid, with the codes that are valid; ErrorCode::unavailable
// for a region that this process has not opened yet.
Result<void> check_region(Transaction& tx, const CatalogContext& context, std::string_view code);

}  // namespace agent_secrets::control_plane
