#include "control-plane/audit/coded_record.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <string>

#include <sodium.h>

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kNonce = 16;

CodedRow coded(const AuditEntry& entry, std::int64_t id, std::span<const std::uint8_t> nonce) {
  CodedRow row("audit", std::to_string(id));
  row.bytes(nonce).number(entry.at.count());
  row.text(entry.actor_kind).text(entry.actor_id).text(entry.actor_name).text(entry.address);
  row.number(entry.organization_id);
  row.text(entry.organization_id == 0 ? entry.organization : "");
  row.text(entry.action).text(entry.object).text(entry.detail).text(entry.outcome);
  return row;
}

// The row and the code of a record as it was read. A stored code that is too short has neither.
struct ReadCode {
  explicit ReadCode(const AuditRecord& record)
      : row(coded(record.entry, record.id, nonce_of(record))) {
    if (!record.code || record.code->size() <= kNonce) return;
    const auto after_nonce = std::span(*record.code).subspan(kNonce);
    code.emplace(after_nonce.begin(), after_nonce.end());
  }
  static std::span<const std::uint8_t> nonce_of(const AuditRecord& record) {
    if (!record.code) return {};
    return std::span(*record.code).first(std::min(kNonce, record.code->size()));
  }
  CodedRow row;
  StoredCode code;
};

}  // namespace

AuthorityCode make_record_code(const Authority& authority, const AuditEntry& entry) {
  std::array<std::uint8_t, kNonce> nonce{};
  randombytes_buf(nonce.data(), nonce.size());
  AuthorityCode stored(nonce.begin(), nonce.end());
  std::ranges::copy(authority.code(coded(entry, 0, nonce)), std::back_inserter(stored));
  return stored;
}

bool is_authentic(const Authority& authority, const AuditRecord& record) {
  const ReadCode read(record);
  return authority.holds(read.row, read.code);
}

bool accepts(const Authority& authority, const AuditRecord& record) {
  const ReadCode read(record);
  return authority.accepts(read.row, read.code);
}

}  // namespace agent_secrets::control_plane
