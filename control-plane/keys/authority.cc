#include "control-plane/keys/authority.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <sodium.h>

#include "control-plane/database/failure.h"
#include "core/encoding.h"
#include "core/error.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kCodeSize = 32;
static_assert(kCodeSize == crypto_generichash_BYTES);
static_assert(kAuthorityKeySize == crypto_generichash_KEYBYTES);

// Room for most rows, so that their encoding does not grow step by step.
constexpr std::size_t kUsualEncoding = 512;

void append_number(std::vector<std::uint8_t>& to, std::uint64_t number) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(number);
    number >>= 8U;
  }
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_bytes(std::vector<std::uint8_t>& to, char tag, std::span<const std::uint8_t> bytes) {
  to.push_back(static_cast<std::uint8_t>(tag));
  append_number(to, bytes.size());
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

StoredCode stored_code(const Row& row, std::string_view column) {
  if (row.is_null(column)) return std::nullopt;
  return row.blob(column);
}

CodedRow::CodedRow(std::string_view table, std::string key) : table_(table), key_(std::move(key)) {
  encoding_.reserve(kUsualEncoding);
  text(table);
}

CodedRow& CodedRow::number(std::int64_t value) {
  encoding_.push_back('n');
  append_number(encoding_, static_cast<std::uint64_t>(value));
  return *this;
}

CodedRow& CodedRow::optional_number(std::optional<std::int64_t> value) {
  return value ? number(*value) : null();
}

CodedRow& CodedRow::text(std::string_view value) {
  append_bytes(encoding_, 't', as_bytes(value));
  return *this;
}

CodedRow& CodedRow::optional_text(const std::optional<std::string>& value) {
  return value ? text(*value) : null();
}

CodedRow& CodedRow::bytes(std::span<const std::uint8_t> value) {
  append_bytes(encoding_, 'b', value);
  return *this;
}

CodedRow& CodedRow::null() {
  encoding_.push_back('0');
  return *this;
}

Authority::Authority(std::string_view purpose, std::vector<SecretBuffer> keys, UncodedRows uncoded,
                     std::shared_ptr<RefusedRows> refused)
    : keys_(std::move(keys)), uncoded_(uncoded), refused_(std::move(refused)) {
  AGENT_SECRETS_ASSERT(!keys_.empty());
  for (const SecretBuffer& key : keys_) AGENT_SECRETS_ASSERT(key.size() == kAuthorityKeySize);
  append_bytes(prefix_, 't', as_bytes("agent-secrets authority v1"));
  append_bytes(prefix_, 't', as_bytes(purpose));
}

Authority::Authority(const std::string& purpose, std::vector<SecretBuffer> keys,
                     UncodedRows uncoded)
    : Authority(purpose, std::move(keys), uncoded, std::make_shared<RefusedRows>(purpose)) {}

AuthorityCode Authority::code_under(const SecretBuffer& key, const CodedRow& row) const {
  const auto bytes = key.expose();
  crypto_generichash_state state;
  AuthorityCode code(kCodeSize);
  int failed = crypto_generichash_init(&state, bytes.data(), bytes.size(), code.size());
  for (const auto part : {std::span<const std::uint8_t>(prefix_), row.encoding()}) {
    failed |= crypto_generichash_update(&state, part.data(), part.size());
  }
  failed |= crypto_generichash_final(&state, code.data(), code.size());
  wipe_memory(&state, sizeof state);
  AGENT_SECRETS_ASSERT(failed == 0);
  return code;
}

AuthorityCode Authority::code(const CodedRow& row) const { return code_under(keys_.front(), row); }

bool Authority::holds(const CodedRow& row, const StoredCode& stored) const {
  if (!stored || stored->size() != kCodeSize) return false;
  return std::ranges::any_of(keys_, [&](const SecretBuffer& key) {
    return sodium_memcmp(code_under(key, row).data(), stored->data(), kCodeSize) == 0;
  });
}

bool Authority::accepts(const CodedRow& row, const StoredCode& stored) const {
  if (uncoded_ == UncodedRows::accepted || holds(row, stored)) return true;
  refused_->note(row.table(), row.key());
  return false;
}

void Authority::require(const CodedRow& row, const StoredCode& stored) const {
  if (accepts(row, stored)) return;
  throw DatabaseFailure(
      Error{.code = ErrorCode::untrusted,
            .message = fmt::format("the authority code of a row does not hold: table {}, key {}",
                                   row.table(), row.key()),
            .hint = "somebody changed the database by hand, or it is damaged; see 'A row is "
                    "refused' in docs/OPERATIONS.md"});
}

}  // namespace agent_secrets::control_plane
