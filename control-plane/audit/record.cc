#include "control-plane/audit/record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sodium.h>

#include "core/encoding.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kEncoding = "agent-secrets-audit-1";

// A netstring (cr.yp.to/proto/netstrings.txt): every field has its length before it, so no two
// records have the same encoding.
void add_field(std::string& text, std::string_view field) {
  text += fmt::format("{}:{},", field.size(), field);
}

void add_field(std::string& text, std::int64_t number) { add_field(text, std::to_string(number)); }

constexpr bool continues_a_character(char c) {
  constexpr unsigned kMask = 0xC0U;
  constexpr unsigned kContinuation = 0x80U;
  return (static_cast<unsigned char>(c) & kMask) == kContinuation;
}

}  // namespace

AuditEntry entry_of(const Actor& actor, UnixMs at) {
  return {.at = at,
          .actor_kind = std::string(to_string(actor.kind)),
          .actor_id = actor.id,
          .actor_name = actor.name,
          .address = actor.address};
}

std::string bounded_text(std::string_view text) {
  if (text.size() <= limits::kAuditText) return std::string(text);
  std::size_t end = limits::kAuditText;
  while (end > 0 && continues_a_character(text[end])) --end;
  return std::string(text.substr(0, end)) + "…";
}

AuditHash hash_record(const AuditRecord& record, std::int64_t position, const AuditHash& prev) {
  const AuditEntry& entry = record.entry;
  std::string text;
  add_field(text, kEncoding);
  add_field(text, position);
  add_field(text, as_text(prev));
  add_field(text, record.id);
  add_field(text, entry.at.count());
  add_field(text, entry.actor_kind);
  add_field(text, entry.actor_id);
  add_field(text, entry.actor_name);
  add_field(text, entry.address);
  add_field(text, entry.organization_id);
  add_field(text, entry.organization);
  add_field(text, entry.action);
  add_field(text, entry.object);
  add_field(text, entry.detail);
  add_field(text, entry.outcome);
  AuditHash hash{};
  static_assert(hash.size() == crypto_hash_sha256_BYTES);
  const auto bytes = as_bytes(text);
  crypto_hash_sha256(hash.data(), bytes.data(), bytes.size());
  return hash;
}

std::string hex(const AuditHash& hash) { return fmt::format("{:02x}", fmt::join(hash, "")); }

}  // namespace agent_secrets::control_plane
