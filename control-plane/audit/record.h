#pragma once
// One record of an audit log: who did what, from where, to which object, and what became of it. It
// has names and versions, never a value of a secret.
//
// A record is written in the transaction of the change that it is about, so there is neither a
// change without its record nor a record without its change. Soon afterwards it is chained: it gets
// its position in the log (1, 2, 3 …), the hash of the record before it, and its own hash over all
// of these. docs/audit.md has the exact bytes, so that others can write a verifier.
//
// A record also has an authority code (audit/coded_record.h). A record whose code does not hold was
// added or changed in the database, and is not chained. It gets a position below 0.
//
// The order of the chain is the order of chaining, not that of the ids: PostgreSQL gives out ids
// before the commit, so a record with a lower id may become visible later.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/model/actor.h"
#include "control-plane/model/time.h"

namespace agent_secrets::control_plane {

using AuditHash = std::array<std::uint8_t, 32>;

// The values of `outcome`.
inline constexpr std::string_view kAuditDone = "done";
inline constexpr std::string_view kAuditUnchanged = "unchanged";  // there was nothing to change
inline constexpr std::string_view kAuditRefused = "refused";

struct AuditEntry {
  UnixMs at{};
  std::string actor_kind = {};  // to_string(ActorKind)
  std::string actor_id = {};
  std::string actor_name = {};
  std::string address = {};          // of the client; "" for a command on the host
  std::int64_t organization_id = 0;  // 0: none, or a region's log, which knows only the name
  std::string organization = {};     // its name then, or ""
  std::string action = {};           // "set.write"
  std::string object = {};           // "set bot-secrets"
  std::string detail = {};           // "version 3, keys OPENAI_API_KEY"
  std::string outcome = std::string(kAuditDone);
};

struct AuditLink {
  std::int64_t position = 0;
  AuditHash prev{};  // the hash of the record before it; zeros for the first record
  AuditHash hash{};
};

struct AuditRecord {
  std::int64_t id = 0;
  AuditEntry entry;
  std::optional<AuditLink> link = {};                  // absent: not chained yet
  std::optional<std::vector<std::uint8_t>> code = {};  // as stored (audit/coded_record.h)
  bool is_authentic = true;                            // whether the code held when it was read
};

AuditEntry entry_of(const Actor& actor, UnixMs at);

// The first limits::kAuditText bytes, with "…" in place of the rest. Cuts between UTF-8 characters.
std::string bounded_text(std::string_view text);

// SHA-256 over the canonical encoding of the record at this position. The record's own link is not
// read.
AuditHash hash_record(const AuditRecord& record, std::int64_t position, const AuditHash& prev);

// 64 lower-case hexadecimal digits.
std::string hex(const AuditHash& hash);

}  // namespace agent_secrets::control_plane
