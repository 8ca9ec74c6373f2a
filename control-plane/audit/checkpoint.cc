#include "control-plane/audit/checkpoint.h"

#include <algorithm>
#include <optional>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sodium.h>

#include "core/clock.h"
#include "core/encoding.h"
#include "core/json_reader.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kLogNameMax = 256;

std::string_view type_of(AuditStatementKind kind) {
  return kind == AuditStatementKind::checkpoint ? "agent-secrets-audit-checkpoint"
                                                : "agent-secrets-audit-cut";
}

std::optional<AuditHash> parse_hex(std::string_view text) {
  AuditHash hash{};
  std::size_t size = 0;
  const char* end = nullptr;
  const bool is_whole =
      text.size() == 2 * hash.size() &&
      sodium_hex2bin(hash.data(), hash.size(), text.data(), text.size(), nullptr, &size, &end) == 0;
  if (!is_whole || size != hash.size()) return std::nullopt;
  return hash;
}

}  // namespace

std::string region_log(std::string_view code) { return fmt::format("region {}", code); }

// `time` is for people; `time_ms` is what is read.
std::string sign_statement(AuditStatementKind kind, const AuditStatement& statement,
                           const AuditKeys& keys) {
  const boost::json::object payload{{"log", statement.log},
                                    {"position", statement.position},
                                    {"hash", hex(statement.hash)},
                                    {"time", format_timestamp(statement.at)},
                                    {"time_ms", statement.at.count()}};
  return sign_jws(keys.kid, type_of(kind), boost::json::serialize(payload), keys.key);
}

Result<AuditStatement> verify_statement(AuditStatementKind kind, std::string_view text,
                                        const KeyLookup& find_key) {
  if (text.size() > limits::kAuditCheckpoint) {
    return fail(ErrorCode::untrusted, "not a signed statement: it is too long");
  }
  auto jws = verify_jws(text, type_of(kind), find_key);
  if (!jws) return propagate(jws);
  JsonDocument document(as_text(jws->payload), limits::kAuditCheckpoint);
  const JsonObject root = document.root();
  AuditStatement statement{.log = std::string(root.name_text("log", kLogNameMax)),
                           .position = root.integer("position"),
                           .hash = {},
                           .at = UnixMs(root.integer("time_ms"))};
  const auto hash = parse_hex(root.text("hash", 2 * statement.hash.size()));
  if (auto read = document.finish(); !read) return propagate(read);
  if (!hash) return fail(ErrorCode::untrusted, "the hash of the statement is not 64 hex digits");
  statement.hash = *hash;
  return statement;
}

}  // namespace agent_secrets::control_plane
