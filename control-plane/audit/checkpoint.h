#pragma once
// Signed statements about an audit log, in the form of core/jws.h: one line of text that any JOSE
// library can verify. The key is the audit key of the control plane (keys/key_store.h).
//
// A checkpoint says how long the log was at a time, and the hash of its last record. Whoever can
// write the database can also write a log that fits together. It will not fit to a checkpoint that
// is kept somewhere else.
//
// A cut says that the records up to a position were removed on purpose, and the hash of the last
// one of them: the rest of the log goes on from there.

#include <cstdint>
#include <string>
#include <string_view>

#include "control-plane/audit/audit_log.h"
#include "control-plane/keys/audit_keys.h"
#include "core/error.h"
#include "core/jws.h"

namespace agent_secrets::control_plane {

// The name of a log in a statement: "catalog", or "region CODE".
inline constexpr std::string_view kCatalogLog = "catalog";
std::string region_log(std::string_view code);

// Of a checkpoint: the length of the log and its last hash. Of a cut: the last removed position and
// its hash.
struct AuditStatement {
  std::string log;
  std::int64_t position = 0;
  AuditHash hash{};
  UnixMs at{};
};

// The action of the record that has a signed cut as its detail.
inline constexpr std::string_view kAuditCutAction = "audit.cut";

enum class AuditStatementKind : std::uint8_t { checkpoint, cut };

std::string sign_statement(AuditStatementKind kind, const AuditStatement& statement,
                           const AuditKeys& keys);
// ErrorCode::untrusted unless a known key has signed it, as this kind of statement.
Result<AuditStatement> verify_statement(AuditStatementKind kind, std::string_view text,
                                        const KeyLookup& find_key);

}  // namespace agent_secrets::control_plane
