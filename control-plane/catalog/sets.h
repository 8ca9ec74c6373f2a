#pragma once
// Secret sets: their names, states and versions. Values pass this interface in SecretBuffers, and
// are encrypted inside the transaction that gives them their version (catalog/values.h).
//
// Every accepted change of a set makes a new version (1, 2, 3 …), `pending` at first. A pending
// version that a newer write replaces is `skipped`: it never becomes ready. A set's status is the
// status of its newest version. A write that changes nothing (a client repeats a PUT whose answer
// it lost) makes no version, unless the newest version has failed: then the write is a retry.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/model/actor.h"
#include "control-plane/model/time.h"
#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

class Authority;
struct CatalogContext;
class Row;
class Transaction;

enum class SetType { secret, image_pull_secret };
std::string_view to_string(SetType type);  // "secret", "imagePullSecret"

enum class SetStatus { pending, ready, failed };
std::string_view to_string(SetStatus status);  // "pending", …

// The write of a key's value.
struct KeyWrite {
  std::int64_t version = 0;  // the version that it made
  std::optional<UnixMs> at;  // absent, as the author: an earlier release wrote the value
  std::string author;        // the actor ("token ci (12)")
};

struct SecretSet {
  std::int64_t id = 0;
  std::string name;
  SetType type = SetType::secret;
  std::string region;
  SetStatus status = SetStatus::pending;
  std::string error_message;       // when failed
  std::int64_t version = 0;        // the newest
  std::int64_t ready_version = 0;  // the newest ready one, or 0
  UnixMs updated_at{};             // the newest version's write
  std::string protected_by;        // the actor, or "": not protected (catalog/bindings.h)
  std::string host;                // of an image pull secret; only find() fills it
  // Of the newest version, in the order in which they were first written; only find() fills it.
  std::vector<std::string> keys;
  std::vector<KeyWrite> writes;  // of the values of `keys`
  std::string warning;           // of reserved names among the keys (find) or in the write (write)
};

struct SecretPair {
  std::string key;
  SecretBuffer value;
};

struct WriteSet {
  std::string name;
  // Absent: the set's region, or for a new set the organization's default region.
  std::optional<std::string> region;
  SetType type = SetType::secret;
  std::vector<SecretPair> pairs;  // an image pull secret: one pair, key ".dockercredentials"
  std::string host;               // image pull secrets: the registry, with its trailing slash
  bool quiet_period = true;       // wait for more single-key writes before provisioning
};

class Sets {
 public:
  explicit Sets(CatalogContext& context) : context_(context) {}

  // Checks names, keys and values (catalog/rules.h), reserved names (catalog/allowed_names.h) and
  // quotas (catalog/quotas.h).
  Result<SecretSet> write(const Actor& actor, std::int64_t organization_id, WriteSet write);
  Result<std::vector<SecretSet>> list(std::int64_t organization_id);
  Result<std::optional<SecretSet>> find(std::int64_t organization_id, std::string_view name);
  Result<void> unset_key(const Actor& actor, std::int64_t organization_id, std::string_view set,
                         std::string_view key);
  Result<void> remove(const Actor& actor, std::int64_t organization_id, std::string_view set);
  // Image pull secrets cannot be protected: no instance gets them. Protecting a protected set again
  // changes nothing. Ends members' keys for development of the agents that have the set
  // (catalog/develop.h).
  Result<void> protect(const Actor& actor, std::int64_t organization_id, std::string_view set);
  Result<void> unprotect(const Actor& actor, std::int64_t organization_id, std::string_view set);

 private:
  CatalogContext& context_;
};

// For the other subjects: a set with the columns that only the catalog needs.
struct SetRow {
  std::int64_t organization_id = 0;
  std::string host;
  UnixMs burst_since{};
  UnixMs pending_since{};
  SecretSet set;
};
// Of a row with all columns of find_set_row(). Throws if the code of the row does not hold.
SetRow accepted_set_row(const Row& row, const Authority& authority);
std::optional<SetRow> find_set_row(Transaction& tx, const Authority& authority,
                                   std::int64_t organization_id, std::string_view name);

}  // namespace agent_secrets::control_plane
