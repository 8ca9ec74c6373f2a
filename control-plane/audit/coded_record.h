#pragma once
// The authority code of an audit record (keys/authority.h). It is written with the record, in the
// transaction of the change, under the authority key of the log's database. So an attacker who can
// write the database, and has no keys, cannot add a record that a server would take for one of its
// own.
//
// The stored code is 16 random bytes and, over them and the fields of the record, the code. The
// random bytes make every stored code different: two records with one code are copies.
//
// Not covered: the id, which the database gives; the chain, which is made later; and the
// organization's name where the record has the organization's id, because the name is looked up by
// the statement that writes the record. The hash of a chained record covers all three.
//
// Threads: safe from several.

#include "control-plane/audit/record.h"
#include "control-plane/keys/authority.h"

namespace agent_secrets::control_plane {

// `entry` as it is stored: its texts are bounded.
AuthorityCode make_record_code(const Authority& authority, const AuditEntry& entry);
// Whether the record's code holds. Counts nothing.
bool is_authentic(const Authority& authority, const AuditRecord& record);
// The same; a record whose code does not hold is counted and logged, or accepted
// (Authority::accepts).
bool accepts(const Authority& authority, const AuditRecord& record);

}  // namespace agent_secrets::control_plane
