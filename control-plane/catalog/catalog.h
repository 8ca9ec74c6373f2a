#pragma once
// What the organizations define, by subject. The catalog is one database; its schema is
// migrations/{sqlite,postgres}/*.sql. Every method of a subject is one transaction: it happens
// wholly and durably, or not at all. Three methods use several:
// CatalogOutbox::drop_unneeded_values() writes one transaction for each set, and Settings::put()
// and Rollouts::use_command() read before they write. Within a transaction the subjects use each
// other's functions that take a Transaction.
//
// Errors: ErrorCode not_found, invalid, conflict and too_large carry the sentence that the API
// shows (docs/compatibility.md); any other error is an internal failure whose text is for the log.
//
// Ownership: a Catalog owns its database. Its subjects refer to it, so it does not move.
// Threads: safe from several.

#include <memory>

#include "control-plane/catalog/agents.h"
#include "control-plane/catalog/allowed_names.h"
#include "control-plane/catalog/api_keys.h"
#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/catalog_outbox.h"
#include "control-plane/catalog/coded_rows.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/credentials.h"
#include "control-plane/catalog/deploys.h"
#include "control-plane/catalog/events.h"
#include "control-plane/catalog/failovers.h"
#include "control-plane/catalog/identities.h"
#include "control-plane/catalog/leases.h"
#include "control-plane/catalog/organizations.h"
#include "control-plane/catalog/regions.h"
#include "control-plane/catalog/rollouts.h"
#include "control-plane/catalog/sets.h"
#include "control-plane/catalog/settings.h"
#include "control-plane/catalog/tokens.h"
#include "control-plane/catalog/users.h"

namespace agent_secrets::control_plane {

struct Catalog {
  // `database` is migrated, and has an active data key (keys/catalog_cipher.h); `clock` outlives
  // the catalog.
  Catalog(std::unique_ptr<Database> database, MasterKey master_key, AuditKeys audit_keys,
          Authority authority, const Clock& clock);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  ~Catalog() = default;

  CatalogContext context;  // for the subjects

  Organizations organizations{context};
  Regions regions{context};
  Settings settings{context};
  Leases leases{context};
  Users users{context};
  Tokens tokens{context};
  ApiKeys api_keys{context};
  Identities identities{context};
  Sets sets{context};
  AllowedNames allowed_names{context};
  Agents agents{context};
  Deploys deploys{context};
  Credentials credentials{context};
  CatalogOutbox outbox{context};
  Rollouts rollouts{context};
  Events events{context};
  Failovers failovers{context};
  Audit audit{context};
  CodedRows coded_rows{context};
};

}  // namespace agent_secrets::control_plane
