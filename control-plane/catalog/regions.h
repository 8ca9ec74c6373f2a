#pragma once
// Regions of sets and agents. Each region has a store and keys of its own (control-plane/region).

#include <set>
#include <string>
#include <string_view>
#include <vector>

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

  // Adding a removed region again brings it back with the store and the keys that it had.
  Result<void> add(const Region& region);
  Result<void> rename(std::string_view code, std::string_view display_name);
  // In the order in which they were added.
  Result<std::vector<Region>> list();
  // ErrorCode::conflict while something is in use; the sentence names it. The region's store and
  // its keys stay.
  Result<void> remove(std::string_view code);
  // Limits this catalog to `codes`: the regions whose stores this process has opened. Nothing can
  // be written to a region that another process adds later. Call it before there are several
  // threads.
  void know_only(std::set<std::string> codes);

 private:
  CatalogContext& context_;
};

// For the other subjects: ErrorCode::invalid, with the codes that are valid.
Result<void> check_region(Transaction& tx, const CatalogContext& context, std::string_view code);

}  // namespace agent_secrets::control_plane
