#pragma once
// Organizations: each owns its sets, agents, tokens and API keys.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/model/actor.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Authority;
struct CatalogContext;
class Row;
class Transaction;

struct Organization {
  std::int64_t id = 0;
  std::string name;
  std::string verbose_name;
  std::string default_region;
};

class Organizations {
 public:
  explicit Organizations(CatalogContext& context) : context_(context) {}

  // `verbose_name` is shown to people; "" stands for `name`.
  Result<Organization> create(const Actor& actor, std::string_view name,
                              std::string_view verbose_name, std::string_view default_region);
  Result<std::optional<Organization>> find(std::string_view name);
  Result<std::vector<Organization>> list();
  Result<void> set_default_region(const Actor& actor, std::int64_t organization_id,
                                  std::string_view region);
  // Whether members may run agents with the team's values (catalog/develop.h). To forbid it ends
  // the keys that members have made.
  Result<void> let_members_develop(const Actor& actor, std::int64_t organization_id, bool allowed);
  Result<bool> members_develop(std::int64_t organization_id);
  // ErrorCode::conflict while something is in use; the sentence names it. The name of an
  // organization that has had an agent cannot be used again: credentials, caches and deploy targets
  // identify the organization by its name.
  Result<void> remove(const Actor& actor, std::int64_t organization_id);

 private:
  CatalogContext& context_;
};

// For the other subjects.
// `row` has the columns id, name, verbose_name and default_region.
Organization read_organization(const Row& row);
Result<Organization> organization_by_id(Transaction& tx, std::int64_t id,
                                        const Authority& authority);

}  // namespace agent_secrets::control_plane
