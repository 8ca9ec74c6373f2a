#pragma once
// Authority codes: the proof that a row which decides who may open what was written by a control
// plane with the master key. Whoever can write to a database, and has no keys, can neither make
// such a row nor change it.
//
// The code of a row is a keyed BLAKE2b of 32 bytes (libsodium, crypto_generichash with a key). The
// key is random, and in the table `keys`, wrapped by the master key (keys/key_store.h). The catalog
// has one key and each region has one, so a region node needs only its region's key.
//
// The hash is over a CodedRow: the name of the table, the primary key and the deciding columns, in
// an order that one function for each table fixes (catalog/coded_tables.cc,
// region/coded_snapshot.cc). Each part begins with a tag, and a text or bytes with its length, so
// two lists of parts never have the same encoding:
//
//   number    'n', 8 bytes, little endian, two's complement
//   text      't', length (8 bytes, little endian), bytes
//   bytes     'b', length (8 bytes, little endian), bytes
//   NULL      '0'
//
// Before the row come the texts "agent-secrets authority v1" and the purpose of the key,
// "authority" or "authority:CODE". The rows of `keys` themselves have codes under a key that is
// derived from the master key; its purpose is "keys" (keys/stored_keys.h).
//
// A row whose right has ended (revoked, deleted) has no code: the statement that ends the right
// clears it. So a right does not come back when the mark of its end is removed.
//
// A whole row, put back as it was earlier, has a code that holds. docs/decisions/0042 says what
// limits such a replay.
//
// Threads: const after construction; safe from several.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/database/rows.h"
#include "control-plane/keys/refused_rows.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

inline constexpr std::size_t kAuthorityKeySize = 32;
// The purpose of the catalog's authority keys. keys/region_keys.h has the regions'.
inline constexpr std::string_view kCatalogAuthority = "authority";

using AuthorityCode = std::vector<std::uint8_t>;
// Absent: NULL.
using StoredCode = std::optional<AuthorityCode>;
StoredCode stored_code(const Row& row, std::string_view column = "code");

// The columns of one row that decide, encoded.
class CodedRow {
 public:
  // `key` is the primary key as the log shows it. It is not part of the encoding: add its columns.
  CodedRow(std::string_view table, std::string key);

  CodedRow& number(std::int64_t value);
  CodedRow& optional_number(std::optional<std::int64_t> value);
  CodedRow& text(std::string_view value);
  CodedRow& optional_text(const std::optional<std::string>& value);
  CodedRow& bytes(std::span<const std::uint8_t> value);

  [[nodiscard]] const std::string& table() const { return table_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] std::span<const std::uint8_t> encoding() const { return encoding_; }

 private:
  CodedRow& null();

  std::string table_;
  std::string key_;
  std::vector<std::uint8_t> encoding_;
};

// What an Authority does with a row whose code does not hold.
enum class UncodedRows : std::uint8_t {
  refused,
  // Only while an upgrade from a version without codes is under way: servers of that version write
  // rows without a code (docs/OPERATIONS.md).
  accepted,
};

class Authority {
 public:
  // `keys` are kAuthorityKeySize bytes each, at least one. The first one makes codes, and all are
  // accepted, so that the key can be rotated. Refused rows are noted in `refused`.
  Authority(std::string_view purpose, std::vector<SecretBuffer> keys, UncodedRows uncoded,
            std::shared_ptr<RefusedRows> refused);
  // With a RefusedRows of its own.
  Authority(const std::string& purpose, std::vector<SecretBuffer> keys, UncodedRows uncoded);

  [[nodiscard]] AuthorityCode code(const CodedRow& row) const;
  // False: the row is refused, counted and logged (refused()).
  [[nodiscard]] bool accepts(const CodedRow& row, const StoredCode& stored) const;
  // Throws DatabaseFailure with ErrorCode::untrusted where accepts() returns false. For a row
  // without which the work cannot go on.
  void require(const CodedRow& row, const StoredCode& stored) const;
  // Whether the stored code is the row's, also while rows without a code are accepted. Counts
  // nothing.
  [[nodiscard]] bool holds(const CodedRow& row, const StoredCode& stored) const;

  [[nodiscard]] const std::shared_ptr<RefusedRows>& refused() const { return refused_; }

 private:
  [[nodiscard]] AuthorityCode code_under(const SecretBuffer& key, const CodedRow& row) const;

  std::vector<std::uint8_t> prefix_;
  std::vector<SecretBuffer> keys_;
  UncodedRows uncoded_;
  std::shared_ptr<RefusedRows> refused_;
};

}  // namespace agent_secrets::control_plane
