#pragma once
// The rows of the catalog that decide who may open what. Each has an authority code
// (keys/authority.h) in its column `code`.
//
// One function for each table (coded_…) has the list of the deciding columns. Readers pass what
// they have read to it, and the authority compares the code. Writers call code_…() in the
// transaction of the write, after the write. It reads the row, and stores its code. So a writer
// that changes a row must have read it with its code before (Authority::require or accepts), in the
// same transaction: otherwise it would give a code to what somebody else has written. A new row
// needs no such check.
//
// A statement that ends a right (revoked_at, deleted) sets `code` to NULL. Without a code the row
// cannot be brought back.
//
// Rights that are the absence of a row (a membership has not ended) are a list in the code of a row
// that must be there: that of the user.
//
// catalog/coded_tables_test.cc has a list of all columns of the catalog. A column or a table that
// is added has to be added there.

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/database/transaction.h"
#include "control-plane/keys/authority.h"
#include "control-plane/model/agent_snapshot.h"

namespace agent_secrets::control_plane {

// Columns: id, name, default_region, members_develop.
CodedRow coded_organization(const Row& row);
// Columns: id, name. `ended`: organization_id and ended_at of the memberships of the user that have
// ended, in the order of organization_id.
CodedRow coded_user(const Row& row, const Rows& ended);
CodedRow coded_membership(std::int64_t user_id, std::int64_t organization_id,
                          std::string_view role);
// Columns: id, user_id, organization_id, name, role, sha256, created_at, expires_at.
CodedRow coded_token(const Row& row);
// Columns: id, organization_id, name, type, sha256, created_at, expires_at.
CodedRow coded_api_key(const Row& row);
CodedRow coded_allowed_name(std::int64_t organization_id, std::string_view name);
// Columns: id, organization_id, name, type, region, host, protected_by. The host of an image pull
// secret gets the secret.
CodedRow coded_set(const Row& row);
CodedRow coded_set_binding(std::int64_t agent_id, std::int64_t set_id);
// Columns: id, organization_id, name, region, deployment_id, sequence.
CodedRow coded_agent(const Row& row);
// Columns: id, agent_id, image, secret_set, image_pull_secret_set, secret_version. The name and the
// version of each pin are used, in any order.
CodedRow coded_deployment(const Row& row, std::span<const PinnedSet> pins);
// Columns: kid, agent_id, signing_key, box_key, expires_at, purpose, made_by, made_as. The last
// two decide when the key of a developer's run ends (catalog/develop.h).
CodedRow coded_registration(const Row& row);

void code_organization(Transaction& tx, const Authority& authority, std::int64_t id);
void code_user(Transaction& tx, const Authority& authority, std::int64_t id);
void code_membership(Transaction& tx, const Authority& authority, std::int64_t user_id,
                     std::int64_t organization_id);
void code_token(Transaction& tx, const Authority& authority, std::int64_t id);
void code_api_key(Transaction& tx, const Authority& authority, std::string_view id);
void code_allowed_name(Transaction& tx, const Authority& authority, std::int64_t organization_id,
                       std::string_view name);
void code_set(Transaction& tx, const Authority& authority, std::int64_t id);
// Computes the code from a row that the transaction has read with the columns of coded_set().
void code_set(Transaction& tx, const Authority& authority, const Row& row);
void code_set_binding(Transaction& tx, const Authority& authority, std::int64_t agent_id,
                      std::int64_t set_id);
void code_agent(Transaction& tx, const Authority& authority, std::int64_t id);
void code_deployment(Transaction& tx, const Authority& authority, std::string_view id);
void code_credential(Transaction& tx, const Authority& authority, std::string_view kid);

// The memberships of a user that have ended, for coded_user().
Transaction::LaterRows ask_ended_memberships(Transaction& tx, std::int64_t user_id);

// For a change of all agents at once. The keys of the agents whose codes hold, before the change;
// afterwards their new codes.
std::set<std::string> accepted_agents(Transaction& tx, const Authority& authority);
void code_agents(Transaction& tx, const Authority& authority, const std::set<std::string>& keys);

// For all tables.
// The rows that give a right, and whose code does not hold.
std::vector<RefusedRow> find_refused_rows(Transaction& tx, const Authority& authority);
// Gives every row that gives a right the code of what is in it now, and takes the code of every
// other row.
void code_all_rows(Transaction& tx, const Authority& authority);

}  // namespace agent_secrets::control_plane
